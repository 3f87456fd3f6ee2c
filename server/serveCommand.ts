import { setFlagsFromString } from "node:v8";
import { pino } from "pino";
import { parseServeConfig, type ServeFlags } from "./config.js";
import { serve } from "./serve.js";
import { stopSignal } from "./stopSignals.js";

/** `serve`: runs the bridge until it gets SIGTERM or SIGINT. Ends the process. */
export async function runServe(flags: ServeFlags): Promise<void> {
  // The bytes of events live outside of V8's heap, and at a high rate their growth alone makes it collect again and
  // again, with threads that take the processor from everything else. Letting the heap grow to three times what is
  // in use between collections makes these few.
  setFlagsFromString("--heap-growing-percent=200");
  try {
    const config = parseServeConfig(flags);
    const log = pino({ level: config.logLevel, base: null }, pino.destination({ dest: 2, sync: false }));
    const bridge = await serve(config, log);
    const stop = stopSignal();
    process.stdout.write(`ready ${bridge.address}\n`);
    log.info({ address: bridge.address }, "serving");
    const signal = await stop;
    log.info({ signal }, "draining");
    await bridge.close();
    log.info({}, "ended");
    log.flush();
    process.exit(0);
  } catch (error) {
    process.stderr.write(`mesos-bridge: ${(error as Error).message}\n`);
    process.exit(1);
  }
}
