// Bundles the inverter into one file, dist/executor/inverter-executor.mjs. sharp stays outside: it has a native part,
// which executor/archive.ts packs beside the bundle.
import { copyFileSync, mkdirSync, renameSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const folder = join(root, "dist/executor");

const { outputFiles } = await build({
  absWorkingDir: root,
  entryPoints: ["executor/inverter/main.ts"],
  bundle: true,
  write: false,
  platform: "node",
  format: "esm",
  target: "node20",
  external: ["sharp"],
  // What is CommonJS in the bundle calls require(), which an ES module lacks.
  banner: { js: 'import { createRequire } from "node:module"; const require = createRequire(import.meta.url);' },
  logLevel: "warning",
});
const [bundle] = outputFiles;
if (!bundle) throw new Error("esbuild gave no output");

mkdirSync(folder, { recursive: true });
// Renamed into place: who reads the file at this moment reads the old one or the new one.
const scratch = join(folder, `.inverter-executor.${process.pid}`);
writeFileSync(scratch, bundle.contents);
renameSync(scratch, join(folder, "inverter-executor.mjs"));
copyFileSync(join(root, "executor/inverter/start.cjs"), scratch);
renameSync(scratch, join(folder, "inverter-start.cjs"));
console.error(`dist/executor/inverter-executor.mjs: ${Math.round(bundle.contents.length / 1024)} KiB`);
