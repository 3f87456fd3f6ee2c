import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { fillDataDir, readBackup, writeBackup } from "../../../server/store/backupFile.js";
import { loadFrameworks } from "../../../server/store/dataDir.js";
import { KeptFrameworks } from "../../../server/store/keptFrameworks.js";
import { Cleanup } from "../../support/cleanup.js";
import { at } from "../../support/paths.js";
import { Lines, record } from "./samples.js";

const MADE = { createdAt: "2030-01-02T03:04:05.678Z", bridge: "0.1.0" };

let cleanup: Cleanup;
let dir: string;
let file: string;
beforeEach(async () => {
  cleanup = new Cleanup();
  dir = await cleanup.tempDir();
  file = join(dir, "backup");
});
afterEach(() => cleanup.run());

function sample(): KeptFrameworks {
  const kept = new KeptFrameworks();
  kept.setRecord(record("jobs", { detachedAtMs: 5, suppressedRoles: ["r"] }));
  kept.setRecord(record("other", { open: false, expiryPolicy: "teardown" }));
  for (let i = 0; i < 5; i++) kept.putTask("jobs", { taskId: `task-${i}`, agentId: "agent" });
  // A record that can't be used is kept as it is, until a person decides.
  kept.putFramework({ frameworkName: "broken", frameworkId: "" });
  return kept;
}

/** All that can be seen of what is kept. */
function seen(kept: KeptFrameworks): object {
  const tasks = kept.frameworks().map(({ frameworkName }) => kept.tasks(frameworkName));
  return { frameworks: kept.frameworks(), tasks, unusable: kept.unusable().map(({ message }) => message) };
}

describe("a backup", () => {
  test("holds all that is kept, for its owner alone, and becomes a data directory of the same content", async () => {
    const note = await writeBackup(file, sample(), MADE);
    expect(note).toEqual({ ...MADE, frameworks: 3, tasks: 5, keys: 0 });
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(readdirSync(dir)).toEqual(["backup"]);
    const backup = readBackup(file);
    expect(backup.note).toEqual(note);
    expect(seen(backup.kept)).toEqual(seen(sample()));
    const dataDir = join(dir, "new", "data");
    await fillDataDir(dataDir, backup.kept);
    expect(readdirSync(dataDir)).toEqual(["frameworks-1.log"]);
    const lines = new Lines();
    expect(seen((await loadFrameworks(dataDir, lines)).kept)).toEqual(seen(sample()));
    expect(lines.all).toEqual([]);
  });

  test("of the first release can be read", async () => {
    const { note, kept } = readBackup(at("test/fixtures/bridge-0.1.0.backup"));
    expect(note).toEqual({ ...MADE, frameworks: 3, tasks: 5 });
    expect(seen(kept)).toEqual(seen(sample()));
  });

  test("of an empty directory is one too", async () => {
    await writeBackup(file, new KeptFrameworks(), MADE);
    expect(readBackup(file).kept.isEmpty).toBe(true);
  });

  test("takes no other file's place", async () => {
    writeFileSync(file, "precious");
    await expect(writeBackup(file, sample(), MADE)).rejects.toThrow(`${file} exists already: choose another name`);
    expect(readFileSync(file, "utf8")).toBe("precious");
    expect(readdirSync(dir)).toEqual(["backup"]);
  });

  test("of which a byte is changed, or the end is missing, is refused", async () => {
    await writeBackup(file, sample(), MADE);
    const whole = readFileSync(file);
    const refusal = /is damaged: its checksum|is not a backup of a bridge|a newer bridge wrote it/;
    for (let i = 0; i < whole.length; i += i < 120 ? 2 : 7) {
      const changed = Buffer.from(whole);
      changed.writeUInt8((whole[i] ?? 0) ^ (1 << (i % 8)), i);
      writeFileSync(file, changed);
      expect(() => readBackup(file), `byte ${i} changed`).toThrow(refusal);
      writeFileSync(file, whole.subarray(0, i));
      expect(() => readBackup(file), `the first ${i} bytes`).toThrow(refusal);
    }
    writeFileSync(file, Buffer.concat([whole, Buffer.from("x")]));
    expect(() => readBackup(file)).toThrow("is damaged");
  });

  test("of a newer format is refused as that, whatever follows", () => {
    for (const rest of ["", ` ${"a".repeat(64)}`, " sha512:abc more"]) {
      writeFileSync(file, `mesos-bridge backup 2${rest}\nanything`);
      expect(() => readBackup(file)).toThrow("has version 2 of the format: a newer bridge wrote it");
    }
  });

  test("goes into an empty directory only", async () => {
    const dataDir = join(dir, "data");
    mkdirSync(join(dataDir, "lost+found"), { recursive: true });
    await fillDataDir(dataDir, sample());
    const before = readdirSync(dataDir);
    await expect(fillDataDir(dataDir, new KeptFrameworks())).rejects.toThrow(`${dataDir} is not empty`);
    expect(readdirSync(dataDir)).toEqual(before);
  });
});
