import { join } from "node:path";
import { lockOf } from "./lock.mjs";
import { succeed } from "./programs.mjs";
import { writeSbom } from "./sbom.mjs";
import { writeJson } from "./stage.mjs";

/** Packs a folder under this manifest, and writes its SBOM beside it. */
export async function packNpm(folder, manifest, output) {
  writeJson(join(folder, "package.json"), manifest);
  // Only for the SBOM: npm packs no such file.
  writeJson(join(folder, "package-lock.json"), lockOf(manifest));
  await succeed("npm", ["pack", "--silent", "--ignore-scripts", "--pack-destination", output], { cwd: folder });
  await writeSbom(folder, join(output, `${manifest.name}-${manifest.version}.cdx.json`));
}
