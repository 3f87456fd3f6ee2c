import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { beforeAll, describe, expect, test } from "vitest";
import { readEntries } from "../../../server/store/entryReader.js";
import { KeptFrameworks } from "../../../server/store/keptFrameworks.js";
import { DamagedFileError, encodeSynced, HEAD_BYTES, readLog, SYNCED_AT } from "../../../server/store/logFormat.js";
import { LogStore } from "../../../server/store/logStore.js";
import { cleanupAfterAll } from "../../support/cleanup.js";
import { Lines, record } from "./samples.js";

const cleanup = cleanupAfterAll();
/** A log as a bridge leaves it: a few commits, the last one of two frameworks and tasks at once. */
let whole: Buffer;
/** Where its frames end. */
const ends: number[] = [];

beforeAll(async () => {
  const dir = await cleanup.tempDir();
  const store = await LogStore.open(dir, { log: new Lines() });
  for (const name of ["a", "b", "c"]) await store.put(record(name));
  store.putTasks("a", [{ taskId: "1", agentId: "x" }]);
  await Promise.all([store.put(record("d")), store.put(record("e"))]);
  await store.close();
  whole = readFileSync(join(dir, "frameworks-1.log"));
  let end = HEAD_BYTES;
  readLog(whole, "file", (payload) => {
    end += 12 + payload.length;
    ends.push(end);
  });
});

const lastBegins = () => ends.at(-2) ?? 0;

/** As a crash leaves it: what was noted as synced is older than what was written. */
function notedUpTo(bytes: Buffer, synced: number): Buffer {
  const copy = Buffer.from(bytes);
  encodeSynced(synced).copy(copy, SYNCED_AT);
  return copy;
}

function namesIn(bytes: Buffer): { names: string[]; torn: number; headWhole: boolean } {
  const kept = new KeptFrameworks();
  const { torn, headWhole } = readLog(bytes, "file", (payload) => readEntries(payload, kept));
  return { names: kept.frameworks().map(({ frameworkName }) => frameworkName), torn, headWhole };
}

async function opened(bytes: Buffer): Promise<{ store: LogStore; lines: Lines }> {
  const dir = await cleanup.tempDir();
  writeFileSync(join(dir, "frameworks-1.log"), bytes, { mode: 0o600 });
  const lines = new Lines();
  const store = await LogStore.open(dir, { log: lines });
  cleanup.defer(() => store.close());
  return { store, lines };
}

test("a whole log is read as it was written", () => {
  expect(namesIn(whole)).toEqual({ names: ["a", "b", "c", "d", "e"], torn: 0, headWhole: true });
});

describe("a write that a crash cut short", () => {
  test("at any byte: it is left out as a whole, and all before it is there", () => {
    for (let cut = lastBegins(); cut < whole.length; cut++) {
      const bytes = notedUpTo(whole, lastBegins()).subarray(0, cut);
      expect(namesIn(bytes)).toEqual({ names: ["a", "b", "c"], torn: cut - lastBegins(), headWhole: true });
    }
  });

  test("with any part of it not on the disk, as zeros", () => {
    for (let from = lastBegins(); from < whole.length; from++) {
      const bytes = notedUpTo(whole, lastBegins());
      if (bytes.subarray(from).every((byte) => byte === 0)) continue;
      bytes.fill(0, from);
      expect(namesIn(bytes).names).toEqual(["a", "b", "c"]);
    }
  });

  test("is told of in a line, and the log goes on", async () => {
    const { store, lines } = await opened(notedUpTo(whole, lastBegins()).subarray(0, whole.length - 3));
    expect(lines.notable).toEqual([
      expect.stringMatching(/^warn the end of a file is left out: a crash cut its last write/),
    ]);
    await store.put(record("f"));
    expect(store.frameworks().map(({ frameworkName }) => frameworkName)).toEqual(["a", "b", "c", "f"]);
  });
});

describe("damage", () => {
  test("a file that has been cut off at any byte", () => {
    for (let cut = 0; cut < whole.length; cut++) {
      expect(() => namesIn(whole.subarray(0, cut))).toThrow(DamagedFileError);
    }
    const name =
      /^file is damaged: it ends at byte \d+, and \d+ were written\. Put a copy of \. back; or move the file away/;
    expect(() => namesIn(whole.subarray(0, lastBegins()))).toThrow(name);
  });

  test("any bit that is another one", () => {
    for (let bit = 0; bit < whole.length * 8; bit++) {
      const bytes = Buffer.from(whole);
      const at = bit >> 3;
      bytes[at] = (bytes[at] ?? 0) ^ (1 << (bit & 7));
      const inNote = at >= SYNCED_AT && at < HEAD_BYTES;
      if (inNote) expect(namesIn(bytes)).toMatchObject({ names: ["a", "b", "c", "d", "e"], torn: 0, headWhole: false });
      else expect(() => namesIn(bytes)).toThrow(DamagedFileError);
    }
  });

  test("after a crash of the machine too, where a later write is whole", () => {
    for (let at = HEAD_BYTES; at < lastBegins(); at++) {
      const bytes = notedUpTo(whole, HEAD_BYTES);
      bytes[at] = (bytes[at] ?? 0) ^ 0x10;
      expect(() => namesIn(bytes)).toThrow(DamagedFileError);
    }
  });

  test("any part that is zeros", () => {
    for (let from = HEAD_BYTES; from < whole.length - 16; from += 7) {
      const bytes = Buffer.from(whole);
      bytes.fill(0, from, from + 16);
      expect(() => namesIn(bytes)).toThrow(DamagedFileError);
    }
  });

  test("bytes that are in it twice, or of another log", () => {
    const again = Buffer.concat([whole.subarray(0, ends[0]), Buffer.from("x"), whole.subarray(ends[0])]);
    expect(() => namesIn(again)).toThrow(/is damaged: what stands at byte \d+ is not what was written there/);
  });

  test("whatever the file holds, reading it ends, and says that it is damaged", () => {
    const salted = fc.array(fc.oneof(fc.uint8Array({ maxLength: 50 }), fc.constant(whole.subarray(12, 16))));
    fc.assert(
      fc.property(salted, (parts) => {
        const bytes = Buffer.concat([whole, ...parts]);
        const { names } = namesIn(bytes);
        expect(names).toEqual(["a", "b", "c", "d", "e"]);
        expect(() => namesIn(Buffer.concat(parts))).toThrow(DamagedFileError);
      }),
    );
  });

  test("changes nothing in the directory", async () => {
    const dir = await cleanup.tempDir();
    mkdirSync(join(dir, "data"));
    const file = join(dir, "data", "frameworks-4.log");
    const bytes = Buffer.from(whole);
    bytes[HEAD_BYTES + 20] = 0xff;
    writeFileSync(file, bytes);
    copyFileSync(file, join(dir, "copy"));
    await expect(LogStore.open(join(dir, "data"), { log: new Lines() })).rejects.toThrow(
      /frameworks-4\.log is damaged: what stands at byte 40 is not what was written there\. Put a copy of \S+data back/,
    );
    expect(readFileSync(file).equals(readFileSync(join(dir, "copy")))).toBe(true);
  });

  test("a log of a newer bridge is not read as far as it can be", async () => {
    const newer = Buffer.concat([Buffer.from([0x7a, 1, 0])]);
    const kept = new KeptFrameworks();
    expect(() => readEntries(newer, kept)).toThrow(/it has a field 15, which a newer bridge may know/);
  });
});
