// The server as an npm package: mesos-bridge, mesos-invert and mesos-supervise.
import { cpSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { at, filesUnder } from "../lib.mjs";
import { succeed } from "./programs.mjs";
import { writeSbom } from "./sbom.mjs";

/** Of the build: what only tests run, and copies of what the TypeScript client's package is for, stay here. */
const LEFT_OUT = /^dist\/(?:bench|clients\/typescript\/(?:conformance|template))\/|\.map$|\/\.[^/]*$/;
const MAP = /\n\/\/# sourceMappingURL=\S+\s*$/;

/** Builds `mesos-bridge-VERSION.tgz` and its SBOM. */
export async function buildServer({ output, version, scratch }) {
  const folder = join(scratch, "mesos-bridge");
  for (const file of filesUnder("dist")) if (!LEFT_OUT.test(file)) copyCompiled(file, join(folder, file));
  for (const file of filesUnder("proto")) copy(file, join(folder, file));
  for (const file of ["LICENSE", "NOTICE", "CHANGELOG.md"]) copy(file, join(folder, file));
  copy("scripts/release/server-readme.md", join(folder, "README.md"));
  const project = JSON.parse(readFileSync(at("package.json"), "utf8"));
  const lock = JSON.parse(readFileSync(at("package-lock.json"), "utf8"));
  const own = manifest(project, version, lockedVersions(lock));
  write(join(folder, "package.json"), own);
  // Only for the SBOM: npm packs no such file.
  write(join(folder, "package-lock.json"), ownLock(lock, own));
  await succeed("npm", ["pack", "--silent", "--ignore-scripts", "--pack-destination", output], { cwd: folder });
  await writeSbom(folder, join(output, `mesos-bridge-${version}.cdx.json`));
}

function copy(file, to) {
  mkdirSync(dirname(to), { recursive: true });
  cpSync(at(file), to);
}

/** Without the name of its source map, which stays here. */
function copyCompiled(file, to) {
  copy(file, to);
  if (to.endsWith(".js")) writeFileSync(to, readFileSync(to, "utf8").replace(MAP, "\n"));
}

const write = (path, content) => writeFileSync(path, `${JSON.stringify(content, undefined, 2)}\n`);

/** The checkout's own is private, and has what only the checkout needs. */
function manifest(project, version, dependencies) {
  const { name, description, license, type, engines, bin } = project;
  const { repository } = JSON.parse(readFileSync(at("clients/typescript/package.json"), "utf8"));
  const keywords = ["mesos", "grpc", "scheduler"];
  return {
    name,
    version,
    description,
    license,
    keywords,
    repository: { type: repository.type, url: repository.url },
    type,
    engines,
    bin,
    files: ["dist", "proto", "NOTICE", "CHANGELOG.md"],
    dependencies,
  };
}

/**
 * What the tests have run with gets installed, and nothing newer: the dependencies' own dependencies are named as well. npm
 * heeds no npm-shrinkwrap.json of a package that it installs from a tarball.
 */
function lockedVersions({ packages }) {
  const direct = Object.entries(packages).filter(([path, { dev, optional }]) => {
    return path.lastIndexOf("node_modules/") === 0 && dev !== true && optional !== true;
  });
  return Object.fromEntries(direct.map(([path, { version }]) => [path.slice("node_modules/".length), version]));
}

function ownLock(lock, { name, version, license, dependencies, bin, engines }) {
  const used = Object.entries(lock.packages).filter(([path, { dev }]) => path !== "" && dev !== true);
  const top = { name, version, license, dependencies, bin, engines };
  return { ...lock, name, version, packages: { "": top, ...Object.fromEntries(used) } };
}
