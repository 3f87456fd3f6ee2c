import { createHash } from "node:crypto";
import { copyFileSync, mkdirSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import sharp from "sharp";
import { beforeAll, describe, expect, it } from "vitest";
import { cleanupAfterAll } from "../support/cleanup.js";
import { at, root } from "../support/paths.js";
import { type InstalledServer, installServer, startInstalled } from "./installedServer.js";
import { release, released, runIn } from "./release.js";

/** Compilers and package managers with nothing in their caches. */
const COLD_MS = 600_000;
const cleanup = cleanupAfterAll();
let output: string;
let printed: string;
let server: InstalledServer;
let bridge: string;

beforeAll(async () => {
  output = await cleanup.tempDir();
  printed = await release(output, "server");
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
