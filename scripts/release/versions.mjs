import { readFileSync } from "node:fs";
import { at } from "../lib.mjs";

/** Where each package says its version: package.json decides, the others follow. */
const places = [
  ["package-lock.json", /^\{\n {2}"name": "mesos-bridge",\n {2}"version": "(.+)"/],
  ["clients/typescript/package.json", /^ {2}"version": "(.+)"/m],
  ["clients/python/pyproject.toml", /^version = "(.+)"$/m],
  ["clients/rust/Cargo.toml", /^version = "(.+)"$/m],
  ["clients/go/mesosbridge/doc.go", /^const Version = "(.+)"$/m],
  ["clients/java/pom.xml", /<artifactId>mesosbridge<\/artifactId>\n {2}<version>(.+)<\/version>/],
  ["clients/java/src/main/java/io/github/mesosbridge/Scheduler.java", /String VERSION = "(.+)";/],
];

/**
 * The version of all packages, from package.json.
 *
 * @param read gives the text of a file of the checkout
 * @throws Error that names each file with another version
 */
export function releaseVersion(read = (file) => readFileSync(at(file), "utf8")) {
  const { version } = JSON.parse(read("package.json"));
  const wrong = places.flatMap(([file, pattern]) => {
    const found = pattern.exec(read(file))?.[1];
    return found === version ? [] : [`${file} has ${found ?? "no version"}`];
  });
  if (wrong.length > 0) throw new Error(`package.json has version ${version}, but ${wrong.join(", ")}`);
  return version;
}
