// npm run bench [-- NAME]: builds what is missing, then measures.
import { spawnSync } from "node:child_process";
import { at } from "./lib.mjs";
import { setup } from "./setup.mjs";

await setup({ quiet: true });
const { status } = spawnSync(process.execPath, [at("dist/bench/main.js"), ...process.argv.slice(2)], {
  stdio: "inherit",
});
process.exit(status ?? 1);
