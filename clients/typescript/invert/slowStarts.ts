import { seconds } from "./display.js";
import type { FileServer } from "./fileServer.js";
import type { ImageRecord } from "./image.js";
import { howToReach } from "./words.js";

/** An executor takes a few seconds to be fetched and started. */
const SLOW_START_MS = 20_000;

/** Notices agents on which nothing starts: an agent that can't reach this program may try silently for minutes. */
export class SlowStarts {
  /** Tasks whose executor has reported something. */
  readonly #started = new Set<string>();
  /** Agents that were told of. */
  readonly #told = new Set<string>();

  /** The executor has told something of a task. */
  onSign(taskId: string): void {
    this.#started.add(taskId);
  }

  /** A line for each agent on which nothing has started for a while. Each agent is told of once. */
  lines(launched: readonly ImageRecord[], server: FileServer, nowMs: number): string[] {
    const lines: string[] = [];
    for (const { task, name } of launched) {
      if (task === undefined || nowMs - task.launchTimeMs < SLOW_START_MS) continue;
      if (this.#started.has(task.id) || this.#told.has(task.agentId)) continue;
      this.#told.add(task.agentId);
      const time = seconds(nowMs - task.launchTimeMs);
      lines.push(`${name} has not started on ${task.host} for ${time}: ${howToReach(server)}`);
    }
    return lines;
  }
}
