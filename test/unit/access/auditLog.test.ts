import { chmod, mkdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { beforeEach, describe, expect, test } from "vitest";
import { noAudit } from "../../../server/access/audit/audit.js";
import { AuditFile } from "../../../server/access/audit/auditFile.js";
import { AuditLog } from "../../../server/access/audit/auditLog.js";
import { Callers } from "../../../server/access/callers.js";
import { noPermissions } from "../../../server/access/permissions/permissions.js";
import { notAllowed } from "../../../server/access/permissions/refusals.js";
import { cleanupAfterAll } from "../../support/cleanup.js";
import { VirtualClock } from "../../support/virtualClock.js";
import { keptLog } from "../session/samples.js";

const cleanup = cleanupAfterAll();
let path: string;
beforeEach(async () => {
  path = join(await cleanup.tempDir(), "audit.log");
});

/** The lines of the file, without their times. */
async function linesIn(file: string): Promise<object[]> {
  const lines = (await readFile(file, "utf8")).split("\n").filter((line) => line !== "");
  return lines.map((line) => {
    const { time, ...rest } = JSON.parse(line) as { time?: string };
    return rest;
  });
}

const event = (framework: string) => ({ event: "attach", identity: "cn:x", framework }) as const;

describe("an audit log in a file", () => {
  test("has a line for each event with its time, readable by its owner alone", async () => {
    const clock = new VirtualClock(Date.UTC(2030, 0, 2));
    const audit = new AuditLog(await AuditFile.open(path, keptLog().log), clock);
    for (const name of ["a", "b\n"]) audit.record(event(name));
    await audit.close();
    expect(await linesIn(path)).toEqual([event("a"), event("b\n")]);
    expect(await readFile(path, "utf8")).toMatch(/^{"time":"2030-01-02T00:00:00.000Z","event":"attach"/);
  });

  test("continues in a new file when the old one is moved away", async () => {
    const audit = new AuditLog(await AuditFile.open(path, keptLog().log), new VirtualClock());
    audit.record(event("a"));
    await new Promise(setImmediate);
    await expect.poll(() => linesIn(path)).toEqual([event("a")]);
    await rename(path, `${path}.1`);
    audit.record(event("b"));
    await audit.close();
    expect(await linesIn(path)).toEqual([event("b")]);
  });

  test("loses what can't be written, says so once, and how much when it can be again", async () => {
    const { log, lines } = keptLog();
    const audit = new AuditLog(await AuditFile.open(path, log), new VirtualClock());
    await rm(path);
    await mkdir(path);
    for (const name of ["a", "b"]) audit.record(event(name));
    await expect.poll(() => lines.length).toBe(1);
    expect(lines).toEqual([{ level: "error", file: path, reason: expect.stringContaining("EISDIR") as string }]);
    await rm(path, { recursive: true });
    audit.record(event("c"));
    await audit.close();
    expect(await linesIn(path)).toEqual([{ event: "lost", lines: 2 }, event("c")]);
    // Each line has its time, and none is empty.
    for (const line of (await readFile(path, "utf8")).trimEnd().split("\n")) expect(line).toMatch(/^{"time":"20/);
  });

  test("begins a line of its own behind one that was not written whole", async () => {
    const { log, lines } = keptLog();
    const audit = new AuditLog(await AuditFile.open(path, log), new VirtualClock());
    await rm(path);
    await mkdir(path);
    audit.record(event("a"));
    await expect.poll(() => lines.length).toBe(1);
    await rm(path, { recursive: true });
    await writeFile(path, '{"time":');
    audit.record(event("b"));
    await audit.close();
    const [cut, lost] = (await readFile(path, "utf8")).split("\n");
    expect([cut, JSON.parse(lost ?? "")]).toMatchObject(['{"time":', { event: "lost", lines: 1 }]);
  });

  test("keeps a bounded number of lines for a disk that is slow", async () => {
    const audit = new AuditLog(await AuditFile.open(path, keptLog().log), new VirtualClock());
    const long = "x".repeat(1024 * 1024);
    for (let i = 0; i < 10; i++) audit.record(event(long));
    await audit.close();
    const lines = await linesIn(path);
    expect(lines[0]).toEqual({ event: "lost", lines: 7 });
    expect(lines.length).toBe(4);
  });

  test("that can't be opened is told with the option and the cause", async () => {
    await mkdir(path);
    await chmod(path, 0o700);
    await expect(AuditFile.open(path, keptLog().log)).rejects.toThrow(
      `--audit-log: ${path} can't be written: it is a directory (EISDIR): name a file`,
    );
    const inNone = join(path, "none", "audit.log");
    await expect(AuditFile.open(inNone, keptLog().log)).rejects.toThrow(
      `--audit-log: ${inNone} can't be written: its folder does not exist (ENOENT): make it, or check the path`,
    );
  });
});

describe("an audit log", () => {
  const kept = () => {
    const events: object[] = [];
    const clock = new VirtualClock();
    const audit = new AuditLog(
      { write: ({ ...all }) => events.push({ ...all, time: undefined }), end: async () => {} },
      clock,
    );
    cleanup.defer(() => audit.close());
    return { events, clock, audit };
  };

  test("counts launches and kills for each identity and minute", async () => {
    const { events, clock, audit } = kept();
    audit.count("cn:x", 3, 0);
    audit.count("cn:x", 0, 1);
    audit.count("cn:y", 1, 0);
    await clock.advance(60_000);
    expect(events).toEqual([
      { event: "activity", identity: "cn:x", launches: 3, kills: 1 },
      { event: "activity", identity: "cn:y", launches: 1, kills: 0 },
    ]);
    await clock.advance(60_000);
    expect(events.length).toBe(2);
  });

  test("lists a bounded number of one caller's refusals, and counts the others", async () => {
    const { events, clock, audit } = kept();
    const caller = new Callers(noPermissions, clock, audit).of({ kind: "token", names: ["token:ci"] });
    for (let i = 0; i < 150; i++) caller.failed(notAllowed("token:ci", "call", "f"));
    expect(events.length).toBe(100);
    await clock.advance(1_000);
    caller.failed(notAllowed("token:ci", "call", "f"));
    expect(events.at(-1)).toMatchObject({
      event: "refusal",
      identity: "token:ci",
      reason: "PERMISSION_DENIED",
      unlisted: 50,
    });
    caller.failed(new Error("something else"));
    expect(events.length).toBe(101);
  });

  test("has what operators do", () => {
    const { events, clock, audit } = kept();
    const caller = new Callers(noPermissions, clock, audit).of({ kind: "token", names: ["token:ops"] });
    caller.operated("kill-task", { framework: "f", task: "t" });
    const what = { action: "kill-task", framework: "f", task: "t" };
    expect(events).toEqual([expect.objectContaining({ event: "operate", identity: "token:ops", ...what })]);
  });

  test("is not kept by default", () => {
    expect(noAudit.kept).toBe(false);
  });
});
