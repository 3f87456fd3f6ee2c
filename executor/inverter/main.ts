/** The process that a Mesos agent starts to invert images. Its output lands in the sandbox's `stdout` and `stderr`. */
import { availableParallelism } from "node:os";
import sharp from "sharp";
import { parseDuration } from "../../wire/duration.js";
import { runExecutor } from "../library/runExecutor.js";
import { Slots } from "../library/slots.js";
import { invertTask } from "./invertTask.js";
import { ProxyDispatcher } from "./proxies.js";

/** The job's timeout limits each task; these end a connection that has died silently. */
const CONNECT_TIMEOUT_MS = 10_000;
const SILENCE_TIMEOUT_MS = 30_000;

/**
 * How long the executor stays without a task before it ends itself and gives its resources back, as a Mesos duration
 * (`30secs`, `5mins`). The next task after that waits for a new executor, which takes a second or two.
 */
const DEFAULT_IDLE_TIMEOUT = "60secs";

async function main(): Promise<number> {
  // sharp's cache helps those that use the same image again and again.
  sharp.cache(false);
  const stop = new AbortController();
  for (const signal of ["SIGTERM", "SIGINT"] as const) process.once(signal, () => stop.abort());
  const dispatcher = new ProxyDispatcher({
    env: process.env,
    connectTimeoutMs: CONNECT_TIMEOUT_MS,
    silenceTimeoutMs: SILENCE_TIMEOUT_MS,
  });
  const exit = await runExecutor({
    launch: invertTask({ dispatcher, slots: new Slots(availableParallelism()) }),
    idleTimeoutMs: parseDuration(process.env.INVERTER_IDLE_TIMEOUT || DEFAULT_IDLE_TIMEOUT),
    signal: stop.signal,
  });
  return exit.reason === "refused" || exit.reason === "disconnected" || exit.unacknowledged > 0 ? 1 : 0;
}

main().then(
  // At once: a task that comes from here on is lost, and work that was given up on must not hold the process.
  (status) => process.exit(status),
  (error: unknown) => {
    process.stderr.write(`inverter: ${error instanceof Error ? error.message : String(error)}\n`);
    process.exit(1);
  },
);
