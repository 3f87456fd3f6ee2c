// npm run soak -- NAME: a run that takes too long for `npm test`. A seed is printed first, and FAULT_SEED=N repeats it.
//
//   npm run soak -- kills         kills a scheduler that mesos-supervise keeps running, and all around it, under batches
//                                 of 120 images, on the embedded and the real Mesos. SOAK_ROUNDS=N: so many each (5)
//   npm run soak -- standbys      kills the active one of three scheduler instances in three languages twenty times within
//                                 1,000 tasks, and stops it four times. SOAK_ROUNDS=N: so many kills
import { installRealMesos } from "./install-real-mesos.mjs";
import { at, filesUnder, node } from "./lib.mjs";
import { setup } from "./setup.mjs";

const SUFFIX = ".soak.ts";
const names = filesUnder("test/soak", (name) => name.endsWith(SUFFIX)).map((path) =>
  path.slice(path.lastIndexOf("/") + 1, -SUFFIX.length),
);

async function main([name, ...options]) {
  if (!names.includes(name)) {
    const wrong = name === undefined ? "name a run" : `there is no run '${name}'`;
    console.error(`soak: ${wrong}: npm run soak -- NAME, where NAME is one of: ${names.join(", ")}`);
    return 2;
  }
  await setup({ build: true });
  const missing = await installRealMesos({ quiet: true });
  if (missing !== undefined) {
    console.error(`soak: ${missing}`);
    return 1;
  }
  const config = ["--config", at("test/soak/vitest.config.ts")];
  const { status } = await node([
    at("node_modules/vitest/vitest.mjs"),
    "run",
    ...config,
    `${name}${SUFFIX}`,
    ...options,
  ]);
  return status;
}

process.exitCode = await main(process.argv.slice(2));
