import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { closeSync, constants, openSync, readFileSync, readlinkSync } from "node:fs";
import { Socket } from "node:net";
import { join } from "node:path";
import type { Readable } from "node:stream";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { AnsweringMaster } from "../support/answeringMaster.js";
import { BridgeClient } from "../support/bridgeClient.js";
import { Cleanup } from "../support/cleanup.js";
import { eventually, within } from "../support/eventually.js";
import { at } from "../support/paths.js";

const LINE_BYTES = 50_000;
/** Together more than a pipe or socket and the bridge hold. */
const LINES = 60;

type Kind = "pipe" | "socket";
type Stdio = "pipe" | number;

/** The log of a bridge that nobody reads as one should. */
describe("stderr", () => {
  let cleanup: Cleanup;
  let master: AnsweringMaster;
  beforeEach(async () => {
    cleanup = new Cleanup();
    master = cleanup.use(await AnsweringMaster.start());
    // Each attach makes the bridge log the whole text.
    master.refuseSubscriptions("x".repeat(LINE_BYTES));
  });
  afterEach(() => cleanup.run());

  async function spawnBridge(stdout: Stdio, stderr: Stdio): Promise<ChildProcess> {
    const dataDir = join(await cleanup.tempDir(), "data");
    const args = ["serve", "--master", master.host, "--listen", "127.0.0.1:0", "--data-dir", dataDir];
    const child = spawn(process.execPath, [at("dist/server/main.js"), ...args, "--log-level", "debug"], {
      stdio: ["ignore", stdout, stderr],
    });
    const exit = once(child, "exit");
    cleanup.defer(async () => {
      child.kill("SIGKILL");
      await exit;
    });
    return child;
  }

  /** A pipe or socket as stderr, and the end that is read, which nobody reads yet. */
  async function bridgeOn(kind: Kind): Promise<{ child: ChildProcess; reader: () => Readable; path: string }> {
    if (kind === "socket") {
      const child = await spawnBridge("pipe", "pipe");
      expect(readlinkSync(`/proc/${child.pid}/fd/2`)).toMatch(/^socket:/);
      return { child, reader: () => child.stderr as Readable, path: "" };
    }
    const path = join(await cleanup.tempDir(), "fifo");
    spawnSync("mkfifo", [path]);
    const reading = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
    const writing = openSync(path, constants.O_WRONLY);
    const child = await spawnBridge("pipe", writing);
    closeSync(writing);
    const socket = new Socket({ fd: reading, readable: true, writable: false });
    cleanup.defer(() => socket.destroy());
    return { child, reader: () => socket, path };
  }

  async function addressOf({ stdout }: ChildProcess): Promise<string> {
    let text = "";
    stdout?.on("data", (chunk: Buffer) => {
      text += chunk;
    });
    const ready = await eventually(() => /^ready (\S+)$/m.exec(text), { what: "the ready line", timeoutMs: 30_000 });
    return ready[1] ?? "";
  }

  /** Makes the bridge log more than anything holds; sees that it serves on. */
  async function logMuch(address: string): Promise<void> {
    const client = cleanup.use(new BridgeClient(address));
    for (let i = 0; i < LINES; i++) {
      const stream = client.subscribe({ frameworkName: "name", frameworkInfo: { user: "root", name: "name" } });
      expect(await stream.ending()).toMatchObject({ reason: "FRAMEWORK_REFUSED" });
    }
    expect(await client.call("listFrameworks", {})).toMatchObject({ code: "OK" });
  }

  async function endsInOrder(child: ChildProcess): Promise<void> {
    const exit = once(child, "exit");
    child.kill("SIGTERM");
    expect(await within(exit, { what: "the end of the bridge" })).toEqual([0, null]);
  }

  const KINDS: Kind[] = ["pipe", "socket"];

  test.each(KINDS)("%s: a reader that leaves at once", async (kind) => {
    const { child, reader } = await bridgeOn(kind);
    reader().destroy();
    await logMuch(await addressOf(child));
    await endsInOrder(child);
  });

  test.each(KINDS)("%s: a reader that leaves after a line", async (kind) => {
    const { child, reader } = await bridgeOn(kind);
    const address = await addressOf(child);
    await once(reader(), "data");
    reader().destroy();
    await logMuch(address);
    await endsInOrder(child);
  });

  test.each(KINDS)("%s: a reader that leaves just before the end", async (kind) => {
    const { child, reader } = await bridgeOn(kind);
    const address = await addressOf(child);
    let text = "";
    reader().on("data", (chunk: Buffer) => {
      text += chunk.toString("latin1");
    });
    await eventually(() => text.includes('"a Mesos master answers"'), { what: "the first lines" });
    reader().destroy();
    await endsInOrder(child);
    expect(text).toContain(address);
  });

  test("pipe: readers each of which leaves after a line", async () => {
    const { child, reader, path } = await bridgeOn("pipe");
    let ended = false;
    const exit = once(child, "exit").then(() => {
      ended = true;
    });
    const read = async () => {
      for (let next = reader(); !ended; next = anotherReader(path)) {
        await Promise.race([once(next, "data"), exit]);
        next.destroy();
      }
    };
    const reading = read();
    await logMuch(await addressOf(child));
    await endsInOrder(child);
    await reading;
  });

  test.each(KINDS)("%s: a reader that stops reading", async (kind) => {
    const { child } = await bridgeOn(kind);
    await logMuch(await addressOf(child));
    await endsInOrder(child);
  });

  test.each(KINDS)("%s: a reader that reads again learns what is missing, and gets the rest", async (kind) => {
    const { child, reader } = await bridgeOn(kind);
    await logMuch(await addressOf(child));
    let text = "";
    reader().on("data", (chunk: Buffer) => {
      text += chunk.toString("latin1");
    });
    await eventually(() => text.includes("were dropped"), { what: "the notice" });
    const ended = once(reader(), "end");
    await endsInOrder(child);
    await within(ended, { what: "the end of the log" });
    const lines = text.trimEnd().split("\n");
    const told = lines.map((line): { msg: string; lines?: number } => JSON.parse(line));
    const notices = told.filter(({ msg }) => msg.includes("were dropped"));
    expect(notices).toHaveLength(1);
    // Each attach logs two lines, and nothing else is logged as often.
    const seen = told.filter(({ msg }) => msg === "attached" || msg === "Mesos refuses the subscription").length;
    expect(seen + (notices[0]?.lines ?? 0)).toBeGreaterThanOrEqual(2 * LINES);
    expect(told.map(({ msg }) => msg)).toContain("draining");
    expect(told.at(-1)?.msg).toBe("ended");
  });

  test("a file gets all lines", async () => {
    const path = join(await cleanup.tempDir(), "log");
    const file = openSync(path, "a");
    const child = await spawnBridge("pipe", file);
    closeSync(file);
    await logMuch(await addressOf(child));
    await endsInOrder(child);
    const text = readFileSync(path, "utf8");
    expect(text.match(/"Mesos refuses the subscription"/g)).toHaveLength(LINES);
    expect(text).toMatch(/"ended"\}\n$/);
  });

  test("a full disk", async () => {
    const full = openSync("/dev/full", "w");
    const child = await spawnBridge("pipe", full);
    closeSync(full);
    await logMuch(await addressOf(child));
    await endsInOrder(child);
  });

  test.each([
    ["a reader that is gone", goneReader],
    ["a full disk", async () => openSync("/dev/full", "w")],
  ])("stdout: %s", async (_, open) => {
    const stdout = await open(cleanup);
    const child = await spawnBridge(stdout, "pipe");
    closeSync(stdout);
    let text = "";
    child.stderr?.on("data", (chunk: Buffer) => {
      text += chunk;
    });
    const serving = () => /"address":"([^"]+)","msg":"serving"/.exec(text);
    const [, address = ""] = await eventually(serving, { what: "the bridge", timeoutMs: 30_000 });
    await logMuch(address);
    await endsInOrder(child);
  });
});

function anotherReader(path: string): Socket {
  const fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  return new Socket({ fd, readable: true, writable: false });
}

/** The end of a pipe that is written, where nobody reads. */
async function goneReader(cleanup: Cleanup): Promise<number> {
  const path = join(await cleanup.tempDir(), "fifo");
  spawnSync("mkfifo", [path]);
  const reading = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  const writing = openSync(path, constants.O_WRONLY);
  closeSync(reading);
  return writing;
}
