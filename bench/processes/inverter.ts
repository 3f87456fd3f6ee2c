/** Inverts images one after the other, as the executor does, and tells the processor time that each run took. */
import { readFileSync } from "node:fs";
import sharp from "sharp";
import { invertImage } from "../../executor/inverter/invert.js";
import { usageOf } from "../harness.js";
import { onCommand, report } from "./ipc.js";

const MAX_PIXELS = 100_000_000;

// One thread, beside the main one that waits for it; and no cache, as in the executor.
sharp.concurrency(1);
sharp.cache(false);

interface Invert {
  readonly runs: number;
  readonly files: readonly string[];
}

async function invert({ runs, files }: Invert): Promise<void> {
  const seconds: number[] = [];
  for (let run = 0; run <= runs; run++) {
    const before = process.cpuUsage();
    for (const file of files) await invertImage(readFileSync(file), { maxPixels: MAX_PIXELS });
    const { user, system } = process.cpuUsage(before);
    if (run > 0) seconds.push((user + system) / 1e6);
    else report({ kind: "warm", peakMb: usageOf(process.pid).peakMb });
  }
  report({ kind: "inverted", seconds });
}

onCommand({
  invert: (value) => {
    invert(value as Invert).catch((error: Error) => report({ kind: "error", message: error.message }));
  },
});
report({ kind: "ready" });
