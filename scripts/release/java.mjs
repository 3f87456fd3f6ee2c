// The Java client as a Maven repository in a folder: jars of classes, sources and Javadoc, and the POM.
import { createHash } from "node:crypto";
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { at, withLock } from "../lib.mjs";
import { succeed } from "./programs.mjs";
import { writeZip } from "./zip.mjs";

const project = at("clients/java");
const target = join(project, "target");
const SOURCES = [
  join(project, "src/main/java"),
  ...["java", "grpc-java"].map((name) => join(target, "generated-sources/protobuf", name)),
];

/** Builds what Maven Central wants of a release, but for the signatures. */
export async function buildJava({ output, version, quick, scratch }) {
  const folder = join(output, "io/github/mesos-bridge/mesosbridge", version);
  mkdirSync(folder, { recursive: true });
  await withLock("maven", () => succeed("mvn", ["--batch-mode", "--quiet", "compile"], { cwd: project }));
  const named = (end) => join(folder, `mesosbridge-${version}${end}`);
  writeJar(named(".jar"), [join(target, "classes")]);
  writeJar(named("-sources.jar"), SOURCES);
  if (!quick) writeJar(named("-javadoc.jar"), [await writeJavadoc(join(scratch, "javadoc"))]);
  writeFileSync(named(".pom"), publishedPom());
  for (const file of readdirSync(folder)) writeDigests(join(folder, file));
}

/** Of the library alone: the stubs have their comments in the protos. */
async function writeJavadoc(folder) {
  const classpath = [join(target, "classes"), readFileSync(join(target, "runtime.classpath"), "utf8").trim()].join(":");
  const options = ["-quiet", "-notimestamp", "-Xdoclint:none", "-encoding", "UTF-8", "-classpath", classpath];
  await succeed("javadoc", [...options, "-sourcepath", SOURCES[0], "-d", folder, "io.github.mesosbridge"]);
  return folder;
}

function writeJar(path, folders) {
  const manifest = "Manifest-Version: 1.0\r\nAutomatic-Module-Name: io.github.mesosbridge\r\n\r\n";
  const entries = [["META-INF/MANIFEST.MF", Buffer.from(manifest)]];
  for (const file of ["LICENSE", "NOTICE"]) entries.push([`META-INF/${file}`, readFileSync(at(file))]);
  for (const folder of folders)
    for (const name of filesIn(folder)) entries.push([name, readFileSync(join(folder, name))]);
  writeZip(path, entries);
}

function filesIn(folder) {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(folder.length + 1))
    .sort();
}

/** Without what only a build in the clone needs. */
function publishedPom() {
  const pom = readFileSync(join(project, "pom.xml"), "utf8");
  return pom
    .replace(/\n {2}<build>.*?\n {2}<\/build>/s, "")
    .replaceAll(/\n {4}<dependency>(?:(?!<\/dependency>).)*<scope>test<\/scope>.*?<\/dependency>/gs, "");
}

function writeDigests(path) {
  for (const name of ["md5", "sha1"]) {
    writeFileSync(`${path}.${name}`, createHash(name).update(readFileSync(path)).digest("hex"));
  }
}
