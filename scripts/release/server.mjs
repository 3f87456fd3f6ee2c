// The server as an npm package: mesos-bridge, mesos-invert and mesos-supervise.
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { at, filesUnder } from "../lib.mjs";
import { packNpm } from "./npm.mjs";
import { stage } from "./stage.mjs";

/** Of the build: what only tests and benchmarks run, and what a user copies from the clone, stay here. */
const LEFT_OUT = /^dist\/(?:bench|clients\/typescript\/(?:conformance|template))\/|\.map$|\/\.[^/]*$/;
const MAP = /\n\/\/# sourceMappingURL=\S+\s*$/;

/** Builds `mesos-bridge-VERSION.tgz` and its SBOM. */
export async function buildServer({ output, version, scratch }) {
  const folder = join(scratch, "mesos-bridge");
  for (const file of filesUnder("dist")) if (!LEFT_OUT.test(file)) stageCompiled(file, join(folder, file));
  for (const file of [...filesUnder("proto"), "LICENSE", "NOTICE", "CHANGELOG.md"]) stage(file, join(folder, file));
  stage("scripts/release/server-readme.md", join(folder, "README.md"));
  await packNpm(folder, manifest(version), output);
}

/** Without the name of its source map, which stays here. */
function stageCompiled(file, to) {
  stage(file, to);
  if (to.endsWith(".js")) writeFileSync(to, readFileSync(to, "utf8").replace(MAP, "\n"));
}

const read = (file) => JSON.parse(readFileSync(at(file), "utf8"));

/** The checkout's own is private, and has what only the checkout needs. */
function manifest(version) {
  const { name, description, license, type, engines, bin } = read("package.json");
  const { repository, keywords } = read("clients/typescript/package.json");
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
    dependencies: lockedVersions(),
  };
}

/**
 * What the tests have run with gets installed, and nothing newer: the dependencies' own dependencies are named as well. npm
 * heeds no npm-shrinkwrap.json of a package that it installs from a tarball.
 */
function lockedVersions() {
  const direct = Object.entries(read("package-lock.json").packages).filter(([path, { dev, optional }]) => {
    return path.lastIndexOf("node_modules/") === 0 && dev !== true && optional !== true;
  });
  return Object.fromEntries(direct.map(([path, { version }]) => [path.slice("node_modules/".length), version]));
}
