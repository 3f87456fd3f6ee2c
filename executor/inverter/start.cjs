// Starts the inverter if this Node can run it. Old Nodes have to be able to read this file, and say what is wrong.
const version = process.versions.node;
if (Number.parseInt(version, 10) < 20) {
  process.stderr.write(
    `inverter: Node ${version} (${process.execPath}) is too old: agents need Node 20 or newer in PATH\n`,
  );
  process.exit(1);
}
// Images are decoded on libuv's threads. Names are looked up there too, and must not wait until an image is done.
if (!process.env.UV_THREADPOOL_SIZE) {
  process.env.UV_THREADPOOL_SIZE = String(require("node:os").availableParallelism() + 4);
}
import("./inverter-executor.mjs").catch((error) => {
  process.stderr.write(`inverter: ${(error instanceof Error && error.stack) || error}\n`);
  process.exit(1);
});
