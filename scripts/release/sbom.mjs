import { createHash } from "node:crypto";
import { writeFileSync } from "node:fs";
import { succeed } from "./programs.mjs";

/**
 * Writes what an npm package is made of, as CycloneDX JSON. What differs from one run to the next is left out or follows
 * from the content.
 *
 * @param folder with package.json and a lockfile
 */
export async function writeSbom(folder, path) {
  const args = ["sbom", "--sbom-format=cyclonedx", "--package-lock-only", "--omit=dev"];
  const sbom = JSON.parse(await succeed("npm", args, { cwd: folder }));
  delete sbom.metadata.timestamp;
  delete sbom.serialNumber;
  const digest = createHash("sha256").update(JSON.stringify(sbom)).digest("hex");
  const uuid = /^(.{8})(.{4}).(.{3}).(.{3})(.{12})/.exec(digest)?.slice(1) ?? [];
  const [a, b, c, d, e] = uuid;
  const { $schema, bomFormat, specVersion, ...rest } = sbom;
  const serialNumber = `urn:uuid:${a}-${b}-8${c}-8${d}-${e}`;
  writeFileSync(path, `${JSON.stringify({ $schema, bomFormat, specVersion, serialNumber, ...rest }, undefined, 2)}\n`);
}
