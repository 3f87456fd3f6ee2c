import { createHash } from "node:crypto";
import { copyFileSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { basename, delimiter, join } from "node:path";
import { fromBinary } from "@bufbuild/protobuf";
import { FileDescriptorSetSchema } from "@bufbuild/protobuf/wkt";
import sharp from "sharp";
import { extract } from "tar";
import { beforeAll, describe, expect, it } from "vitest";
import { buildGo } from "../../scripts/release/go.mjs";
import { typescriptCompiler } from "../languages/typescript.js";
import { BridgeClient } from "../support/bridgeClient.js";
import { cleanupAfterAll } from "../support/cleanup.js";
import { at, root } from "../support/paths.js";
import { buildCargoProject } from "./cargoProject.js";
import { type InstalledServer, installServer, startInstalled } from "./installedServer.js";
import { buildMavenProject } from "./mavenProject.js";
import { firstExample } from "./readme.js";
import { npmInstall, release, released, runIn } from "./release.js";

/** Compilers and package managers with nothing in their caches. */
const COLD_MS = 600_000;
const cleanup = cleanupAfterAll();
let output: string;
let printed: string;
let server: InstalledServer;
let bridge: string;

beforeAll(async () => {
  output = await cleanup.tempDir();
  printed = await release(output, "--quick", "server", "typescript", "python", "go", "rust", "java", "protos");
  server = await installServer(released(output, "server", /\.tgz$/), await cleanup.tempDir());
  bridge = await startInstalled(server, cleanup);
}, COLD_MS);

const version = (JSON.parse(readFileSync(at("package.json"), "utf8")) as { version: string }).version;
const files = (folder: string) => readdirSync(folder, { recursive: true, encoding: "utf8" });

describe("a release", () => {
  it("has the checksums of all its files", () => {
    const sums = readFileSync(join(output, "SHA256SUMS"), "utf8").trimEnd().split("\n");
    for (const line of sums) {
      const [sum = "", file = ""] = line.split("  ");
      expect(
        createHash("sha256")
          .update(readFileSync(join(output, file)))
          .digest("hex"),
        file,
      ).toBe(sum);
    }
    expect(printed.trimEnd().split("\n")).toHaveLength(sums.length + 1);
  });
});

describe("the server's package", () => {
  it("has what its commands need, and nothing that only the checkout needs", () => {
    const modules = readdirSync(join(server.folder, "node_modules"));
    for (const needed of ["sharp", "lmdb", "undici"]) expect(modules).toContain(needed);
    for (const left of ["typescript", "vitest", "ts-proto", "esbuild"]) expect(modules).not.toContain(left);
    const own = files(server.folder).filter((file) => !file.startsWith("node_modules"));
    for (const file of ["LICENSE", "NOTICE", "proto/mesosbridge/v1/scheduler.proto"]) expect(own).toContain(file);
    expect(own.filter((file) => /(^|\/)(tests?|bench|scripts|conformance)(\/|$)|\.(ts|map|log)$/.test(file))).toEqual(
      [],
    );
    for (const file of own.filter((name) => /\.(m?js|json|md)$/.test(name))) {
      expect(readFileSync(join(server.folder, file), "utf8").includes(root), file).toBe(false);
    }
  });

  it("has the dependencies that were tested", () => {
    const read = (path: string) => JSON.parse(readFileSync(path, "utf8"));
    const lock = read(at("package-lock.json")).packages as Record<string, { version: string }>;
    const found = files(join(server.folder, "node_modules"))
      .filter((file) => /(^|node_modules\/)(@[^/]+\/)?[^/]+\/package\.json$/.test(file))
      .map((file) => join("node_modules", file.slice(0, -"/package.json".length)))
      .filter((path) => read(join(server.folder, path, "package.json")).version !== undefined);
    expect(found.length).toBeGreaterThan(50);
    for (const path of found) {
      expect(read(join(server.folder, path, "package.json")).version, path).toBe(lock[path]?.version);
    }
    const sbom = read(released(output, "server", /\.cdx\.json$/));
    expect(sbom.bomFormat).toBe("CycloneDX");
    expect(sbom.metadata.component).toMatchObject({ "bom-ref": `mesos-bridge@${version}` });
    const parts = new Set((sbom.components as { purl: string }[]).map(({ purl }) => purl));
    expect(parts).toContain(`pkg:npm/undici@${lock["node_modules/undici"]?.version}`);
    expect(JSON.stringify(sbom)).not.toContain("vitest");
  });

  it("gives commands of its version", async () => {
    for (const name of ["mesos-bridge", "mesos-invert", "mesos-supervise"]) {
      expect(await runIn(output, server.command(name), ["--version"])).toBe(`${version}\n`);
    }
  });

  it("inverts an image, with the executor that it brings", { timeout: COLD_MS }, async () => {
    const folder = await cleanup.tempDir();
    mkdirSync(join(folder, "in"));
    copyFileSync(at("images/chelsea.png"), join(folder, "in/chelsea.png"));
    await runIn(folder, server.command("mesos-invert"), ["--bridge", bridge, "--output", "out", "in"]);
    const inverted = await sharp(at("images/chelsea.png")).negate({ alpha: false }).raw().toBuffer();
    expect((await sharp(join(folder, "out/chelsea-inverted.png")).raw().toBuffer()).equals(inverted)).toBe(true);
  });
});

const example = (client: string) => firstExample(client, bridge);

describe("the TypeScript client's package", () => {
  let folder: string;

  beforeAll(async () => {
    folder = await cleanup.tempDir();
    writeFileSync(join(folder, "package.json"), JSON.stringify({ type: "module" }));
    await npmInstall(folder, released(output, "typescript", /\.tgz$/));
  }, COLD_MS);

  it("has no file but the library, its types and the stubs", () => {
    const own = files(join(folder, "node_modules/mesosbridge")).filter((file) => /\.\w+$/.test(file));
    expect(own).toContain("build/clients/typescript/index.d.ts");
    const expected =
      /^(build\/(clients\/typescript\/(library\/.*|index)|gen\/.*|wire\/.*)\.(js|d\.ts)|package\.json|README\.md)$/;
    expect(own.filter((file) => !expected.test(file))).toEqual([]);
  });

  it("is used by a strict project, and its types are whole", { timeout: COLD_MS }, async () => {
    writeFileSync(join(folder, "main.ts"), example("typescript"));
    const options = [
      "--strict",
      "--noUncheckedIndexedAccess",
      "--module",
      "nodenext",
      "--target",
      "es2023",
      "--types",
      "node",
      "main.ts",
    ];
    await runIn(folder, process.execPath, [typescriptCompiler, ...options]);
    expect(await runIn(folder, process.execPath, ["main.js"])).toContain("TASK_FINISHED");
  });

  it("is used by plain JavaScript", { timeout: COLD_MS }, async () => {
    writeFileSync(join(folder, "plain.mjs"), example("typescript"));
    expect(await runIn(folder, process.execPath, ["plain.mjs"])).toContain("TASK_FINISHED");
  });
});

describe("the Python client's packages", () => {
  it("run in a virtual environment of their own", { timeout: COLD_MS }, async () => {
    const folder = await cleanup.tempDir();
    const python = join(folder, "venv/bin/python");
    const pip = ["-m", "pip", "--python", python, "install", "--quiet", "--no-compile"];
    await runIn(folder, "python3", ["-m", "venv", "--without-pip", "venv"]);
    await runIn(folder, at(".tools/python/bin/python"), [...pip, released(output, "python", /\.whl$/)]);
    expect(await runIn(folder, join(folder, "venv/bin/mesos-empty-tasks"), ["--version"])).toBe(`${version}\n`);
    writeFileSync(join(folder, "hello.py"), example("python"));
    expect(await runIn(folder, python, ["hello.py"])).toContain("TASK_FINISHED");
  });

  it("are the same, whether built from the clone or from the source distribution", { timeout: COLD_MS }, async () => {
    const folder = await cleanup.tempDir();
    const wheel = released(output, "python", /\.whl$/);
    const build = ["-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation"];
    const env = { SOURCE_DATE_EPOCH: String(Date.UTC(2026, 0) / 1000) };
    await runIn(folder, at(".tools/python/bin/python"), [...build, released(output, "python", /\.tar\.gz$/)], env);
    expect(readFileSync(join(folder, basename(wheel))).equals(readFileSync(wheel))).toBe(true);
  });
});

describe("the Go client's package", () => {
  it("is what `go get` fetches from a proxy in a folder", { timeout: COLD_MS }, async () => {
    const folder = await cleanup.tempDir();
    const proxy = await cleanup.tempDir();
    // Go keeps what it has fetched of a version for ever, so the test has a version for each content.
    const zip = released(output, "go", /\.zip$/);
    const hash = createHash("sha256").update(readFileSync(zip)).digest("hex").slice(0, 12);
    const fetched = `${version}-test.${hash}`;
    await buildGo({ output: proxy, version: fetched });
    const module = "github.com/mesos-bridge/mesos-bridge/clients/go";
    const cache = (await runIn(folder, "go", ["env", "GOMODCACHE"])).trim();
    cleanup.defer(() => {
      rmSync(join(cache, `${module}@v${fetched}`), { recursive: true, force: true });
      const kept = join(cache, "cache/download", module, "@v");
      for (const file of readdirSync(kept))
        if (file.startsWith(`v${fetched}`)) rmSync(join(kept, file), { force: true });
    });
    // What the client needs was fetched when it was built, and its go.sum has the sums.
    const env = {
      GOPROXY: `file://${proxy},file://${cache}/cache/download`,
      GONOSUMDB: "github.com/mesos-bridge",
      GOFLAGS: "-mod=mod -modcacherw",
    };
    copyFileSync(at("clients/go/go.sum"), join(folder, "go.sum"));
    writeFileSync(join(folder, "main.go"), example("go"));
    expect(await runIn(folder, "gofmt", ["-l", "main.go"])).toBe("");
    await runIn(folder, "go", ["mod", "init", "example.org/hello"], env);
    await runIn(folder, "go", ["get", `${module}@v${fetched}`], env);
    await runIn(folder, "go", ["build", "-o", "hello", "."], env);
    expect(await runIn(folder, join(folder, "hello"), [])).toContain("TASK_FINISHED");
  });
});

describe("the protos' archive", () => {
  it("is a module of buf, and has the API that the bridge has", { timeout: COLD_MS }, async () => {
    const folder = await cleanup.tempDir();
    await extract({ file: released(output, "protos", /\.tar\.gz$/), cwd: folder, strip: 1 });
    const buf = at("node_modules/@bufbuild/buf/bin/buf");
    await runIn(folder, process.execPath, [buf, "build", "--as-file-descriptor-set", "-o", "api.binpb"]);
    const built = fromBinary(FileDescriptorSetSchema, readFileSync(join(folder, "api.binpb")));
    const served = fromBinary(FileDescriptorSetSchema, readFileSync(join(server.folder, "dist/gen/descriptors.binpb")));
    // Beside them the bridge serves what its libraries bring, such as health.
    const own = /^(?:mesos|mesosbridge|google\/rpc)\//;
    const names = ({ file }: typeof built) =>
      file
        .map(({ name }) => name)
        .filter((name) => own.test(name))
        .sort();
    expect(names(built)).toEqual(names(served));
    expect(readdirSync(folder)).toEqual(expect.arrayContaining(["LICENSE", "NOTICE", "buf.yaml"]));
  });
});

describe("the Java client's package", () => {
  it("is used by an empty Maven project", { timeout: COLD_MS }, async () => {
    const folder = await cleanup.tempDir();
    writeFileSync(join(folder, "Hello.java"), example("java"));
    await buildMavenProject(folder, join(output, "java"), version);
    const packages = readFileSync(join(folder, "classpath"), "utf8").trim();
    expect(packages).toContain(join(folder, "repository/io/github/mesos-bridge/mesosbridge"));
    const classpath = [join(folder, "target/classes"), packages].join(delimiter);
    const flags = ["-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-Xshare:auto"];
    expect(await runIn(folder, "java", [...flags, "-cp", classpath, "Hello"])).toContain("TASK_FINISHED");
  });

  it("has what Maven Central wants, but for the signatures", () => {
    const pom = readFileSync(released(output, "java", /\.pom$/), "utf8");
    for (const field of ["name", "description", "url", "license", "developer", "connection", "developerConnection"]) {
      expect(pom).toMatch(new RegExp(`<${field}>`));
    }
    expect(pom).not.toMatch(/<build>|<scope>test/);
    const jar = readFileSync(released(output, "java", /0\.jar$/));
    expect(readFileSync(released(output, "java", /0\.jar\.sha1$/), "utf8")).toBe(
      createHash("sha1").update(jar).digest("hex"),
    );
    expect(readFileSync(released(output, "java", /-sources\.jar$/)).includes("mesosbridge/Scheduler.java")).toBe(true);
  });
});

describe("the Rust client's package", () => {
  it("is used by an empty crate", { timeout: COLD_MS }, async () => {
    const folder = await cleanup.tempDir();
    await extract({ file: released(output, "rust", /\.crate$/), cwd: folder });
    const path = join(folder, "main.rs");
    writeFileSync(path, example("rust"));
    const program = await buildCargoProject(path, join(folder, `mesosbridge-${version}`));
    expect(await runIn(folder, program, [])).toContain("TASK_FINISHED");
  });
});

describe("the examples of all clients", () => {
  it("have ended their frameworks", async () => {
    const client = cleanup.use(new BridgeClient(bridge));
    const { response } = await client.call("listFrameworks", {});
    expect(response?.frameworks.map(({ frameworkName }) => frameworkName)).toEqual([]);
  });
});
