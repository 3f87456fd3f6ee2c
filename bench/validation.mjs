// How many calls a second the validator checks, in one thread. Run: node bench/validation.mjs [seconds]
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const root = fileURLToPath(new URL("..", import.meta.url));
const seconds = Number(process.argv[2] ?? 2);

/** Source is bundled rather than taken from dist/, so that a figure is always one of the present code. */
async function load(entry) {
  const { outputFiles } = await build({
    entryPoints: [`${root}${entry}`],
    bundle: true,
    write: false,
    format: "esm",
    platform: "node",
  });
  return import(`data:text/javascript;base64,${Buffer.from(outputFiles[0].contents).toString("base64")}`);
}

function measure(name, bytes, validate) {
  const violations = validate(bytes);
  if (violations.length > 0) throw new Error(`${name} is refused: ${JSON.stringify(violations)}`);
  let calls = 0;
  const warmUntil = performance.now() + 300;
  while (performance.now() < warmUntil) for (let i = 0; i < 1000; i++) validate(bytes);
  const heap = process.memoryUsage().heapUsed;
  const start = performance.now();
  const end = start + seconds * 1000;
  for (; performance.now() < end; calls += 1000) for (let i = 0; i < 1000; i++) validate(bytes);
  const rate = calls / ((performance.now() - start) / 1000);
  const grown = (process.memoryUsage().heapUsed - heap) / calls;
  const figures = `${Math.round(rate).toLocaleString("en")} calls/s, ${Math.max(0, grown).toFixed(1)} bytes of heap a call`;
  console.log(`${name} (${bytes.length} bytes): ${figures}`);
}

const { createValidator } = await load("server/validation/validator.ts");
const { typicalAcknowledge, typicalLaunch } = await load("test/unit/validation/examples.ts");
const validator = createValidator(readFileSync(`${root}gen/descriptors.binpb`));
const validate = (bytes) => validator.validate("mesos.v1.scheduler.Call", bytes);

const offer = {
  id: { value: "5b2c8f0e-O17" },
  agentId: { value: "5b2c8f0e-S1" },
  frameworkId: { value: "5b2c8f0e-0001" },
};
measure("ACKNOWLEDGE", typicalAcknowledge(), validate);
measure("LAUNCH of two tasks", typicalLaunch(offer), validate);
