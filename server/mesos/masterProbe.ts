import { Client } from "undici";
import type { Log } from "../log.js";
import type { MasterDetector } from "./detector.js";

export interface MasterProbeOptions {
  readonly detector: MasterDetector;
  readonly log: Log;
  readonly tlsCa: string | undefined;
  /** How often a master that answers is asked again, in ms. Default 15,000. */
  readonly intervalMs?: number;
  /** How often one that does not answer is, in ms. Default 1,000. */
  readonly retryMs?: number;
  readonly timeoutMs?: number;
}

/**
 * Asks whether there is a Mesos master, also while no framework needs one, so that health checks
 * tell the truth. Asks for `/version`, which every Mesos answers without authentication.
 */
export class MasterProbe {
  readonly #options: MasterProbeOptions;
  readonly #onChange: (reachable: boolean) => void;
  readonly #stop = new AbortController();
  #timer: NodeJS.Timeout | undefined;
  #seen: string | undefined;

  constructor(options: MasterProbeOptions, onChange: (reachable: boolean) => void) {
    this.#options = options;
    this.#onChange = onChange;
  }

  start(): void {
    void this.#round();
  }

  close(): void {
    this.#stop.abort();
    clearTimeout(this.#timer);
  }

  async #round(): Promise<void> {
    const { intervalMs = 15_000, retryMs = 1_000 } = this.#options;
    const problem = await this.#ask();
    if (this.#stop.signal.aborted) return;
    this.#tell(problem);
    this.#timer = setTimeout(() => void this.#round(), problem === "" ? intervalMs : retryMs);
  }

  #tell(problem: string): void {
    if (problem === this.#seen) return;
    const { log, detector } = this.#options;
    this.#seen = problem;
    if (problem === "") log.info({ master: detector.describe() }, "a Mesos master answers");
    else log.warn({ master: detector.describe(), reason: problem }, "no Mesos master: retrying");
    this.#onChange(problem === "");
  }

  /** What is wrong; empty if a master answers. */
  async #ask(): Promise<string> {
    const { detector, tlsCa, timeoutMs = 5_000 } = this.#options;
    let master: URL | undefined;
    try {
      const signal = AbortSignal.any([this.#stop.signal, AbortSignal.timeout(timeoutMs)]);
      master = await detector.next(signal);
      const problem = await askVersion(master, tlsCa, signal);
      if (problem !== "") detector.failed(master);
      return problem;
    } catch (error) {
      if (!master) return "no leading master is known";
      detector.failed(master);
      const { code, message } = error as Error & { code?: string };
      const silent = (error as Error).name === "TimeoutError";
      if (code === "ECONNREFUSED") return `nothing listens at ${master.host}`;
      return silent ? `${master.host} does not answer` : `${master.host}: ${message || code || "no answer"}`;
    }
  }
}

async function askVersion(master: URL, tlsCa: string | undefined, signal: AbortSignal): Promise<string> {
  const client = new Client(master.origin, {
    ...(tlsCa === undefined ? {} : { connect: { ca: tlsCa } }),
    maxResponseSize: 65_536,
  });
  try {
    const { statusCode, body } = await client.request({ method: "GET", path: "/version", signal });
    const text = await body.text();
    if (statusCode === 200 && isMesosVersion(text)) return "";
    return `what answers at ${master.host} is not a Mesos master (HTTP ${statusCode} to /version)`;
  } finally {
    await client.destroy();
  }
}

function isMesosVersion(text: string): boolean {
  try {
    const parsed: unknown = JSON.parse(text);
    return typeof parsed === "object" && parsed !== null && "version" in parsed;
  } catch {
    return false;
  }
}
