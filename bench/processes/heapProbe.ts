/** Imported into the bridge's process by a benchmark: answers how much its heap and buffers hold after a collection. */
process.on("message", () => {
  if (!globalThis.gc) throw new Error("start Node with --expose-gc");
  // What a first collection finalizes only a second one frees.
  globalThis.gc();
  globalThis.gc();
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  process.send?.(heapUsed + arrayBuffers);
});
// The bridge must end as it does without a probe.
process.channel?.unref();

export {};
