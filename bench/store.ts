import { mkdtemp, open as openFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { open as openLmdb } from "lmdb";
import type { FrameworkRecord } from "../server/session/frameworkStore.js";
import { LogStore } from "../server/store/logStore.js";
import type { Effort } from "./effort.js";
import { type Figure, type Spread, spread } from "./harness.js";

const VALUE_BYTES = 300;
const WRITES = 1_000;
const TURN = 64;
const ENTRIES = 100_000;
const ENTRY_BYTES = 100;

/** Something that keeps values under keys. `put` settles when the value is on the disk. */
interface Store {
  put(key: string, bytes: number): Promise<unknown>;
  /** Many small values, as tasks are. */
  putMany(keys: readonly string[], bytes: number): Promise<unknown>;
  close(): Promise<unknown>;
}

interface Contender {
  readonly name: string;
  open(folder: string): Promise<Store>;
}

/** What it takes to have something on the disk: the bridge's log beside a bare write with fdatasync, and beside LMDB. */
export async function store(effort: Effort): Promise<Figure[]> {
  const measured = new Map<string, Measured>();
  for (const { name, open } of await contenders()) measured.set(name, await measure(open, effort));
  const log = measured.get("the bridge's log");
  if (!log) return [];
  const bare = await bareWrites(effort);
  const figures: Figure[] = [
    {
      name: `a write of ${VALUE_BYTES} B that is on the disk, beside write and fdatasync`,
      unit: "ms",
      value: log.write,
      reference: bare,
    },
  ];
  for (const [name, { write, turn, many, opening }] of measured) {
    figures.push(
      { name: `${name}: a write of ${VALUE_BYTES} B that is on the disk`, unit: "ms", value: write },
      { name: `${name}: ${TURN} writes in one turn`, unit: "ms", value: turn },
      {
        name: `${name}: ${effort.count(ENTRIES)} entries of ${ENTRY_BYTES} B written at once`,
        unit: "ms",
        value: many,
      },
      { name: `${name}: opened with them`, unit: "ms", value: opening },
    );
  }
  return figures;
}

interface Measured {
  readonly write: Spread;
  readonly turn: Spread;
  readonly many: Spread;
  readonly opening: Spread;
}

async function measure(open: Contender["open"], effort: Effort): Promise<Measured> {
  const folder = await mkdtemp(join(tmpdir(), "mesos-bridge-bench-"));
  try {
    const first = await open(folder);
    const write = await times(effort.count(WRITES), (i) => first.put(`key-${i % 100}`, VALUE_BYTES));
    const turn = await times(effort.count(100), () =>
      Promise.all(Array.from({ length: TURN }, (_, i) => first.put(`key-${i}`, VALUE_BYTES))),
    );
    const keys = Array.from({ length: effort.count(ENTRIES) }, (_, i) => `entry-${i}`);
    const many = await times(1, () => first.putMany(keys, ENTRY_BYTES));
    await first.close();
    const opening = await times(effort.runs, async () => (await open(folder)).close());
    return { write, turn, many, opening };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function times(count: number, run: (i: number) => Promise<unknown>): Promise<Spread> {
  const taken: number[] = [];
  for (let i = 0; i < count; i++) {
    const began = performance.now();
    await run(i);
    taken.push(performance.now() - began);
  }
  return spread(taken);
}

async function bareWrites(effort: Effort): Promise<Spread> {
  const folder = await mkdtemp(join(tmpdir(), "mesos-bridge-bench-"));
  const file = await openFile(join(folder, "file"), "w");
  try {
    const bytes = Buffer.alloc(VALUE_BYTES, 1);
    return await times(effort.count(WRITES), async () => {
      await file.write(bytes);
      await file.datasync();
    });
  } finally {
    await file.close();
    await rm(folder, { recursive: true, force: true });
  }
}

/** classic-level is among them where it is installed: `npm install --no-save classic-level`. */
async function contenders(): Promise<Contender[]> {
  const bridge = { name: "the bridge's log", open: openLog };
  const lmdb = { name: "LMDB", open: openLmdbStore };
  const level = await import(["classic", "level"].join("-")).catch(() => undefined);
  return level
    ? [bridge, lmdb, { name: "LevelDB", open: (folder: string) => openLevel(level.ClassicLevel, folder) }]
    : [bridge, lmdb];
}

const silent = () => {};
const log = { debug: silent, info: silent, warn: silent, error: silent };

async function openLog(folder: string): Promise<Store> {
  const opened = await LogStore.open(folder, { log });
  return {
    put: (key, bytes) => opened.put(record(key, bytes)),
    putMany: (keys, bytes) => {
      opened.putTasks(
        "key-0",
        keys.map((taskId) => ({ taskId, agentId: "a".repeat(bytes) })),
      );
      return opened.put(record("key-0", bytes));
    },
    close: () => opened.close(),
  };
}

/** A record whose FrameworkInfo has so many bytes, nearly all of them the user's name. */
function record(frameworkName: string, bytes: number): FrameworkRecord {
  const user = bytes - 3;
  return {
    frameworkName,
    frameworkId: "id",
    frameworkInfo: Buffer.concat([Buffer.from([10, 128 | (user & 127), user >> 7]), Buffer.alloc(user, "u")]),
    suppressedRoles: [],
    offerConstraints: Buffer.alloc(0),
    leaseMs: 60_000,
    expiryPolicy: "disconnect",
    open: true,
    detachedAtMs: undefined,
  };
}

async function openLmdbStore(folder: string): Promise<Store> {
  const root = openLmdb<Buffer, string>({
    path: join(folder, "data.mdb"),
    noSubdir: true,
    eventTurnBatching: false,
    encoding: "binary",
  });
  return {
    async put(key, bytes) {
      await root.put(key, Buffer.alloc(bytes, 1));
      await root.flushed;
    },
    async putMany(keys, bytes) {
      await Promise.all(keys.map((key) => root.put(key, Buffer.alloc(bytes, 1))));
      await root.flushed;
    },
    close: () => root.close(),
  };
}

interface Level {
  put(key: string, value: Buffer, options: { sync: boolean }): Promise<void>;
  batch(operations: readonly object[], options: { sync: boolean }): Promise<void>;
  open(): Promise<void>;
  close(): Promise<void>;
}

async function openLevel(ClassicLevel: new (folder: string, options: object) => Level, folder: string): Promise<Store> {
  const level = new ClassicLevel(folder, { valueEncoding: "buffer" });
  await level.open();
  return {
    put: (key, bytes) => level.put(key, Buffer.alloc(bytes, 1), { sync: true }),
    putMany: (keys, bytes) =>
      level.batch(
        keys.map((key) => ({ type: "put", key, value: Buffer.alloc(bytes, 1) })),
        { sync: true },
      ),
    close: () => level.close(),
  };
}
