import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll } from "vitest";

interface Stoppable {
  stop(): Promise<unknown> | unknown;
}

/** Undoes what tests started, last first, also when one of the steps fails. */
export class Cleanup {
  readonly #steps: (() => unknown)[] = [];

  /** Has `thing` stopped in the end, and gives it back. */
  use<T extends Stoppable>(thing: T): T {
    this.#steps.push(() => thing.stop());
    return thing;
  }

  /** Has `step` run in the end. */
  defer(step: () => unknown): void {
    this.#steps.push(step);
  }

  /** A new empty directory, removed in the end. */
  async tempDir(): Promise<string> {
    const path = await mkdtemp(join(tmpdir(), "mesos-bridge-"));
    this.defer(() => rm(path, { recursive: true, force: true, maxRetries: 5, retryDelay: 50 }));
    return path;
  }

  async run(): Promise<void> {
    const errors: unknown[] = [];
    for (let step = this.#steps.pop(); step; step = this.#steps.pop()) {
      try {
        await step();
      } catch (error) {
        errors.push(error);
      }
    }
    if (errors.length > 0) throw new AggregateError(errors, `clean-up failed: ${errors.map(String).join("; ")}`);
  }
}

/** A clean-up that runs after all tests of the enclosing `describe` or file. */
export function cleanupAfterAll(): Cleanup {
  const cleanup = new Cleanup();
  afterAll(() => cleanup.run());
  return cleanup;
}
