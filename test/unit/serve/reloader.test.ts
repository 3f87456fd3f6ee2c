import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeEach, describe, expect, test } from "vitest";
import { Reloader } from "../../../server/cli/reloader.js";
import { parseServeConfig, type ServeConfig } from "../../../server/cli/serveConfig.js";
import { SERVE_OPTIONS } from "../../../server/cli/serveOptions.js";
import { gatherSettings } from "../../../server/cli/settings.js";
import { cleanupAfterAll } from "../../support/cleanup.js";
import { eventually } from "../../support/eventually.js";

const cleanup = cleanupAfterAll();
let path: string;
let lines: { level: string; message: string; [field: string]: unknown }[];
let applied: ServeConfig[];
let unusable: string[];
let looks: number;
let release: () => void;
let log: ReturnType<typeof logAt>;

const BASE = 'master = "zk://u:geheim@127.0.0.1:1/m"\ndata-dir = "d"\n';

function logAt(level: string) {
  const note = (at: string) => (fields: object, message: string) => {
    expect(fields).not.toHaveProperty("level");
    lines.push({ ...fields, level: at, message });
  };
  return { level, debug: note("debug"), info: note("info"), warn: note("warn"), error: note("error") };
}

/** With the text as its configuration. */
function reloaderOf(text: string, flags: Record<string, unknown> = {}): Reloader {
  writeFileSync(path, BASE + text);
  const sources = { flags: { ...flags, config: path }, env: {} };
  const config = parseServeConfig(gatherSettings(SERVE_OPTIONS, sources).typed);
  log = logAt(config.logLevel);
  const lookAtFiles = async () => {
    looks++;
    await new Promise<void>((resolve) => {
      release = resolve;
    });
    return unusable;
  };
  return new Reloader({ sources, config, log, apply: (to) => applied.push(to), lookAtFiles });
}

beforeEach(async () => {
  path = join(await cleanup.tempDir(), "bridge.toml");
  lines = [];
  applied = [];
  unusable = [];
  looks = 0;
});

async function reload(reloader: Reloader, text: string): Promise<void> {
  writeFileSync(path, BASE + text);
  const before = looks;
  reloader.reload();
  await eventually(() => expect(looks).toBe(before + 1));
  release();
  await new Promise(setImmediate);
}

const messages = (level: string) => lines.filter((line) => line.level === level).map(({ message }) => message);
const READ = "SIGHUP: the configuration and the files that it names were read again";

describe("a configuration that is read again", () => {
  test("gives the bridge its limits, and says from where they come", async () => {
    const reloader = reloaderOf("max-frameworks = 10\n");
    await reload(reloader, 'max-frameworks = 20\ndefault-lease = "5m"\n');
    expect(applied.at(-1)).toMatchObject({ maxFrameworks: 20, defaultLease: 300_000 });
    expect(lines.find(({ option }) => option === "max-frameworks")).toMatchObject({
      value: "20",
      source: `${path}: line 3`,
      message: "SIGHUP: max-frameworks counts from now on",
    });
    expect(lines.at(-1)).toMatchObject({
      message: READ,
      changed: ["default-lease", "max-frameworks"],
      needRestart: [],
    });
  });

  test("names each option that needs a restart, every time, and never a password", async () => {
    const reloader = reloaderOf('offer-hold = "5s"\n');
    for (const _ of [1, 2]) {
      lines = [];
      await reload(reloader, 'offer-hold = "6s"\nmissed-heartbeats = 9\n');
      expect(messages("warn")).toEqual([
        "SIGHUP: offer-hold was changed, which needs a restart of the bridge: until then its former value counts",
        "SIGHUP: missed-heartbeats was changed, which needs a restart of the bridge: until then its former value counts",
      ]);
    }
    lines = [];
    writeFileSync(path, BASE.replace("geheim", "anderes"));
    reloader.reload();
    await eventually(() => expect(looks).toBe(3));
    release();
    await eventually(() => expect(messages("info")).toEqual([READ]));
    expect(messages("warn")).toEqual([expect.stringMatching(/^SIGHUP: master was changed, which needs a restart/)]);
    expect(JSON.stringify(lines)).not.toMatch(/geheim|anderes/);
  });

  test("says nothing of what is written otherwise and means the same, or is overridden by a flag", async () => {
    const reloader = reloaderOf('default-lease = "60s"\n', { offerHold: "1s" });
    await reload(reloader, 'default-lease = "1m"\noffer-hold = "9s"\n');
    expect(lines.map(({ message }) => message)).toEqual([READ]);
  });

  test.each([
    ["max-frameworks = 0", /: line 3: max-frameworks: use a number from 1 to/],
    ["max-framewrks = 5", /: line 3: max-framewrks is not known: did you mean 'max-frameworks'\?/],
    ["max-frameworks = ", /: line 3, column \d+: /],
    ['principal = "p"', /principal \(.*, line 3\) and --secret-file go together/],
  ])("that is wrong changes nothing, and one line says why: %s", async (text, reason) => {
    const reloader = reloaderOf("max-observers = 7\n");
    await reload(reloader, `${text}\nmax-observers = 8\n`);
    expect(applied).toEqual([]);
    expect(lines).toEqual([
      {
        level: "error",
        reason: expect.stringMatching(reason),
        message: "SIGHUP: the configuration can't be used: what runs stays as it is",
      },
    ]);
  });

  test("says which files can't be used", async () => {
    const reloader = reloaderOf("");
    unusable = ["--tls-key: /k can't be read"];
    await reload(reloader, "");
    expect(lines[0]).toMatchObject({ level: "warn", reasons: unusable });
  });

  test("is read once more, however often that is asked for meanwhile", async () => {
    const reloader = reloaderOf("");
    for (let count = 0; count < 5; count++) reloader.reload();
    expect(looks).toBe(1);
    writeFileSync(path, `${BASE}max-observers = 3\n`);
    release();
    await eventually(() => expect(looks).toBe(2));
    release();
    await eventually(() => expect(messages("info").filter((message) => message === READ)).toHaveLength(2));
    expect(looks).toBe(2);
    expect(applied.at(-1)?.maxObservers).toBe(3);
    reloader.reload();
    await eventually(() => expect(looks).toBe(3));
    release();
  });
});

describe("the level of the log", () => {
  test("is debug and the configured one in turns", () => {
    const reloader = reloaderOf('log-level = "warn"\n');
    reloader.toggleDebug();
    expect(log.level).toBe("debug");
    reloader.toggleDebug();
    expect(log.level).toBe("warn");
    log.level = "error";
    reloader.toggleDebug();
    expect(log.level).toBe("debug");
  });

  test("stays debug if that is configured", () => {
    const reloader = reloaderOf('log-level = "debug"\n');
    reloader.toggleDebug();
    expect(log.level).toBe("debug");
    expect(messages("info")).toEqual([expect.stringContaining("because debug is the configured level")]);
  });

  test("is what is configured anew, and else what it was set to meanwhile", async () => {
    const reloader = reloaderOf('log-level = "warn"\n');
    reloader.toggleDebug();
    await reload(reloader, 'log-level = "warn"\n');
    expect(log.level).toBe("debug");
    await reload(reloader, 'log-level = "error"\n');
    expect(log.level).toBe("error");
    reloader.toggleDebug();
    reloader.toggleDebug();
    expect(log.level).toBe("error");
  });
});
