import { existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { at } from "../support/paths.js";
import { runIn } from "./release.js";

/** The plugins that the client's own build uses, which Maven has fetched then. */
const PLUGINS = { "maven-compiler-plugin": "3.14.0", "maven-dependency-plugin": "3.8.1" };

/**
 * Compiles an empty Maven project with the sources in its folder and the client from a repository. Maven keeps what it has
 * fetched of a version for ever, so it gets a local repository of its own, with links to the packages of the user's.
 * The file `classpath` names what it needs beside its own `target/classes`.
 */
export async function buildMavenProject(folder: string, repository: string, version: string): Promise<void> {
  const plugins = Object.entries(PLUGINS).map(([name, each]) => {
    return `<plugin><artifactId>${name}</artifactId><version>${each}</version></plugin>`;
  });
  const lines = [
    "<project><modelVersion>4.0.0</modelVersion>",
    "<groupId>example</groupId><artifactId>hello</artifactId><version>1</version>",
    "<properties><maven.compiler.release>17</maven.compiler.release>",
    "<project.build.sourceEncoding>UTF-8</project.build.sourceEncoding></properties>",
    `<repositories><repository><id>release</id><url>file://${repository}</url></repository></repositories>`,
    "<dependencies><dependency><groupId>io.github.mesos-bridge</groupId><artifactId>mesosbridge</artifactId>",
    `<version>${version}</version></dependency></dependencies>`,
    `<build><sourceDirectory>.</sourceDirectory><plugins>${plugins.join("")}</plugins></build></project>`,
  ];
  writeFileSync(join(folder, "pom.xml"), lines.join("\n"));
  const local = join(folder, "repository");
  linkRepository(join(homedir(), ".m2/repository"), local, ["io", "github"]);
  const where = [`-Dmaven.repo.local=${local}`, "-Dmdep.outputFile=classpath", "--batch-mode", "--quiet"];
  // Maven runs too short to be worth its JVM's optimizations, as in the client's own project.
  const env = { MAVEN_OPTS: readFileSync(at("clients/java/.mvn/jvm.config"), "utf8").trim() };
  await runIn(folder, "mvn", [...where, "compile", "dependency:build-classpath"], env);
}

/** Links all entries of `from`, but makes the folders on this path anew. */
function linkRepository(from: string, to: string, [own, ...more]: string[]): void {
  mkdirSync(to);
  for (const name of existsSync(from) ? readdirSync(from) : []) {
    if (name !== own) symlinkSync(join(from, name), join(to, name));
  }
  if (own !== undefined) linkRepository(join(from, own), join(to, own), more);
}
