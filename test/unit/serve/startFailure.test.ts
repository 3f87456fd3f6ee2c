import { X509Certificate } from "node:crypto";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { mkdir, writeFile } from "node:fs/promises";
import { type AddressInfo, createServer } from "node:net";
import { join } from "node:path";
import { rootCertificates } from "node:tls";
import { beforeEach, expect, test } from "vitest";
import { tokenHash } from "../../../server/access/tokenList.js";
import { Opened } from "../../../server/cli/opened.js";
import { serve } from "../../../server/cli/serve.js";
import { parseServeConfig, type ServeFlags } from "../../../server/cli/serveConfig.js";
import { hasExpired } from "../../../server/files/pem.js";
import type { ParentLog } from "../../../server/log.js";
import { type Clock, type Planned, systemClock } from "../../../wire/clock.js";
import { cleanupAfterAll } from "../../support/cleanup.js";

/** The system's clock, which knows what was planned and neither happened nor was taken back. */
class CountingClock implements Clock {
  readonly open = new Set<object>();
  /** All that was ever planned. */
  planned = 0;

  now = systemClock.now;
  wallTime = systemClock.wallTime;

  after(ms: number, callback: () => void) {
    const { noted, over } = this.#note();
    const timer = systemClock.after(ms, () => {
      over();
      callback();
    });
    return { ...noted(timer), refresh: () => timer.refresh() };
  }

  every(ms: number, callback: () => void): Planned {
    return this.#note().noted(systemClock.every(ms, callback));
  }

  soon(callback: () => void): Planned {
    return systemClock.soon(callback);
  }

  #note() {
    const mark = {};
    this.open.add(mark);
    this.planned++;
    const over = () => this.open.delete(mark);
    const noted = (timer: Planned): Planned => ({
      cancel() {
        over();
        timer.cancel();
      },
    });
    return { noted, over };
  }
}

const silent = () => {};
const log: ParentLog = { level: "info", debug: silent, info: silent, warn: silent, error: silent, child: () => log };
const RULE = '[[rule]]\nidentities = ["*"]\nallow = ["observe"]\nframeworks = ["*"]\n';
const PRINCIPAL = '[[rule]]\nframeworks = ["a"]\nprincipal = "p"\nsecret = "s3cret"\n';
const ADMISSION = '[[rule]]\nname = "r"\nexpression = "true"\nmessage = "m"\n';

/** An authority that Node knows, and that is valid whenever this runs. */
const ROOT = rootCertificates.find((root) => !hasExpired(new X509Certificate(root), Date.now())) ?? "";

const cleanup = cleanupAfterAll();
let dir: string;
beforeEach(async () => {
  dir = await cleanup.tempDir();
});

async function file(name: string, content: string): Promise<string> {
  await writeFile(join(dir, name), content, { mode: 0o600 });
  return join(dir, name);
}

/** Everything that opens something. */
async function allFlags(): Promise<ServeFlags> {
  return {
    master: "zks://127.0.0.1:1/mesos",
    masterScheme: "https",
    dataDir: join(dir, "data"),
    clientTokens: await file("tokens", `ci ${tokenHash("x").toString("hex")}\n`),
    permissions: await file("permissions", RULE),
    auditLog: join(dir, "audit.log"),
    admission: await file("admission", ADMISSION),
    frameworkPrincipals: await file("principals", PRINCIPAL),
    masterCa: await file("master.pem", ROOT),
    zkCa: await file("zk.pem", ROOT),
    listen: "127.0.0.1:0",
  };
}

/** How a start fails that gets so far. @returns the error, and what it left open */
async function failure(flags: ServeFlags): Promise<{ message: string; left: number; clock: CountingClock }> {
  const clock = new CountingClock();
  const message = await serve(parseServeConfig(flags), log, clock).then(
    async (bridge) => {
      await bridge.close();
      return "it started";
    },
    (error: Error) => error.message,
  );
  return { message, left: clock.open.size, clock };
}

test("a port in use: what was opened before is closed again, also the data directory", async () => {
  const other = createServer().listen(0, "127.0.0.1");
  await once(other, "listening");
  cleanup.defer(() => other.close());
  const flags = await allFlags();
  const { port } = other.address() as AddressInfo;
  const { message, left, clock } = await failure({ ...flags, listen: `127.0.0.1:${port}` });
  expect(message).toMatch(/is in use by another program/);
  expect(clock.planned).toBeGreaterThan(6);
  expect(left).toBe(0);
  expect((await failure(flags)).message).toBe("it started");
});

test("a bridge that was closed has nothing planned any more", async () => {
  const { message, left } = await failure(await allFlags());
  expect(message).toBe("it started");
  expect(left).toBe(0);
});

/** In the order in which they are opened: whatever fails, nothing stays open. */
const broken: [flag: keyof ServeFlags, content: string, message: RegExp][] = [
  ["permissions", "x = 1", /--permissions/],
  ["admission", "x = 1", /--admission/],
  ["masterCa", "nothing", /--master-ca/],
  ["zkCa", "nothing", /--zk-ca/],
  ["frameworkPrincipals", "x = 1", /--framework-principals/],
];
test.each(broken)("a broken --%s leaves nothing open", async (flag, content, expected) => {
  const { message, left } = await failure({ ...(await allFlags()), [flag]: await file("broken", content) });
  expect(message).toMatch(expected);
  expect(left).toBe(0);
});

test("a data directory that can't be used leaves nothing open", async () => {
  await mkdir(join(dir, "data"));
  await writeFile(join(dir, "data", "frameworks-000001.log"), "not a log of frameworks");
  const { message, left } = await failure(await allFlags());
  expect(message).toMatch(/--data-dir/);
  expect(left).toBe(0);
  expect(existsSync(join(dir, "audit.log"))).toBe(true);
});

test("what was opened last is closed first, and one that fails keeps nothing open", async () => {
  const opened = new Opened();
  const closed: string[] = [];
  for (const name of ["a", "b", "c"]) {
    opened.onClose(async () => {
      closed.push(name);
      if (name !== "a") throw new Error(name);
    });
  }
  await expect(opened.close()).rejects.toThrow("c");
  expect(closed).toEqual(["c", "b", "a"]);
  await opened.close();
  expect(closed).toHaveLength(3);
});
