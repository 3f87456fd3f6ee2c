/**
 * Imported into the bridge's process by a benchmark, for what only the process itself can report. Answers to `held` what
 * its heap and buffers hold after a collection, and to `spent` what it has allocated and copied since it was last asked.
 */
import { GCProfiler, getHeapStatistics } from "node:v8";

/** In bytes. */
export interface Spent {
  /** Allocated on the heap: objects, strings, closures. What lies in buffers does not count. */
  readonly allocated: number;
  /** From one buffer into another, by JavaScript. What the system and HTTP/2's own code copy does not count. */
  readonly copied: number;
}

const heapUsed = () => getHeapStatistics().used_heap_size;

let profiler = new GCProfiler();
let usedBefore = heapUsed();
let copied = 0;
profiler.start();
countCopies();

/** Has what copies buffers count how much it has copied. */
function countCopies(): void {
  const { concat, from } = Buffer;
  Buffer.concat = (list, length) => {
    const joined = concat(list, length);
    copied += joined.length;
    return joined;
  };
  Buffer.from = ((...args: readonly unknown[]) => {
    const made: Buffer = Reflect.apply(from, Buffer, args);
    if (ArrayBuffer.isView(args[0])) copied += made.length;
    return made;
  }) as typeof from;
  const { copy } = Buffer.prototype;
  Buffer.prototype.copy = function (...args: Parameters<typeof copy>) {
    const count = copy.apply(this, args);
    copied += count;
    return count;
  };
  const { set, slice } = Uint8Array.prototype;
  Uint8Array.prototype.set = function (source, offset) {
    set.call(this, source, offset);
    copied += source.length;
  };
  Uint8Array.prototype.slice = function (...args) {
    const part = slice.apply(this, args);
    copied += part.length;
    return part;
  };
}

function held(): number {
  if (!globalThis.gc) throw new Error("start Node with --expose-gc");
  // What a first collection finalizes only a second one frees.
  globalThis.gc();
  globalThis.gc();
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
}

function spent(): Spent {
  const { statistics } = profiler.stop();
  let allocated = 0;
  let last = usedBefore;
  // What was there before a collection, and not after the one before it, has been allocated in between.
  for (const { beforeGC, afterGC } of statistics) {
    allocated += beforeGC.heapStatistics.usedHeapSize - last;
    last = afterGC.heapStatistics.usedHeapSize;
  }
  allocated += heapUsed() - last;
  const result = { allocated, copied };
  copied = 0;
  profiler = new GCProfiler();
  usedBefore = heapUsed();
  profiler.start();
  return result;
}

process.on("message", (question) => {
  process.send?.(question === "spent" ? spent() : held());
});
// The bridge must end as it does without a probe.
process.channel?.unref();
