import { execFile } from "node:child_process";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { createServer, type Server } from "node:net";
import { join } from "node:path";
import { promisify } from "node:util";
import { beforeAll, describe, expect, test } from "vitest";
import { cleanupAfterAll } from "../../support/cleanup.js";
import { at } from "../../support/paths.js";

const cleanup = cleanupAfterAll();
let dir: string;
let file: string;
let busy: number;

interface Ended {
  code: number;
  stdout: string;
  stderr: string;
}

beforeAll(async () => {
  await promisify(execFile)(process.execPath, [at("scripts/build.mjs")]);
  dir = await cleanup.tempDir();
  file = join(dir, "file");
  writeFileSync(file, "a text\n");
  const server: Server = createServer();
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  cleanup.defer(() => server.close());
  busy = (server.address() as { port: number }).port;
}, 120_000);

/** Runs the program to its end. */
async function run(...args: string[]): Promise<Ended> {
  return new Promise((resolve) => {
    execFile(process.execPath, [at("dist/server/main.js"), ...args], { timeout: 10_000 }, (error, stdout, stderr) => {
      const code = error ? ((error.code as unknown as number | null) ?? -1) : 0;
      resolve({ code, stdout, stderr });
    });
  });
}

type Flags = Record<string, string | true | undefined>;

/** Runs `serve` with a valid command line, changed by flags: undefined takes one out, and true is a flag without value. */
async function serve(flags: Flags): Promise<Ended> {
  const all: Flags = { master: "127.0.0.1:1", "data-dir": join(dir, "data"), listen: "127.0.0.1:0", ...flags };
  const given = Object.entries(all).flatMap(([name, value]) => {
    if (value === undefined) return [];
    return value === true ? [`--${name}`] : [`--${name}`, value];
  });
  return run("serve", ...given);
}

test("--help says what there is, with an example", async () => {
  const { code, stdout, stderr } = await run("--help");
  expect([code, stderr]).toEqual([0, ""]);
  expect(stdout).toMatch(/^Usage: mesos-bridge /);
  expect(stdout).toContain("serve");
  expect(stdout).toContain("mesos-bridge serve --master 127.0.0.1:5050");
});

test("serve --help says every flag", async () => {
  const { code, stdout } = await run("serve", "--help");
  expect(code).toBe(0);
  for (const flag of [
    "master",
    "listen",
    "data-dir",
    "principal",
    "secret-file",
    "token-file",
    "master-ca",
    "tls-cert",
    "tls-key",
    "tls-client-ca",
    "client-tokens",
    "jwks",
    "jwt-issuer",
    "jwt-audience",
    "default-lease",
    "offer-hold",
    "client-timeout",
    "missed-heartbeats",
    "call-timeout",
    "drain-timeout",
    "wait-for-data-dir",
    "log-level",
  ]) {
    expect(stdout).toContain(`--${flag} <`);
  }
});

test("--version is the package's", async () => {
  const { version } = (await import("../../../package.json", { with: { type: "json" } })).default;
  expect(await run("--version")).toEqual({ code: 0, stdout: `${version}\n`, stderr: "" });
});

test("without a command the help is shown, and the status tells", async () => {
  const { code, stderr } = await run();
  expect(code).toBe(2);
  expect(stderr).toMatch(/^Usage: mesos-bridge /);
});

test("an unknown command is told", async () => {
  const { code, stderr } = await run("nonsense");
  expect(code).toBe(2);
  expect(stderr).toMatch(/^error: unknown command 'nonsense'\n/);
});

describe("a wrong command line is told in one line", () => {
  const wrong: [name: string, flags: () => Flags, line: RegExp][] = [
    [
      "no master",
      () => ({ master: undefined }),
      /^mesos-bridge: --master is required: give it, or MESOS_BRIDGE_MASTER, or 'master' in the file of --config$/m,
    ],
    [
      "no data directory",
      () => ({ "data-dir": undefined }),
      /^mesos-bridge: --data-dir is required: give it, or MESOS_BRIDGE_DATA_DIR, /,
    ],
    ["an empty data directory", () => ({ "data-dir": "" }), /^mesos-bridge: --data-dir: /],
    [
      "authentication without permissions",
      () => ({ "client-tokens": "x" }),
      /^mesos-bridge: clients are authenticated, and without --permissions nothing is allowed/,
    ],
    ["an unknown flag", () => ({ foo: "x" }), /unknown option '--foo'/],
    [
      "a master of another scheme",
      () => ({ master: "ftp://x" }),
      /^mesos-bridge: --master: 'ftp:\/\/' is not a scheme/,
    ],
    ["a master with a path", () => ({ master: "http://x/y" }), /^mesos-bridge: --master: .* is not host:port/],
    ["an empty master", () => ({ master: " " }), /^mesos-bridge: --master: no master is given/],
    ["an address without a port", () => ({ listen: "127.0.0.1" }), /^mesos-bridge: --listen: use host:port/],
    ["a port over 65535", () => ({ listen: "127.0.0.1:65536" }), /^mesos-bridge: --listen: use host:port/],
    [
      "a port that is in use",
      () => ({ listen: `127.0.0.1:${busy}` }),
      /^mesos-bridge: --listen: 127\.0\.0\.1:\d+ is in use/,
    ],
    [
      "an address that is not here",
      () => ({ listen: "192.0.2.1:50051", insecure: true }),
      /^mesos-bridge: --listen: 192\.0\.2\.1:50051 can't be used: .*EADDRNOTAVAIL/,
    ],
    [
      "an address that other machines reach",
      () => ({ listen: "0.0.0.0:0" }),
      /^mesos-bridge: --listen: 0\.0\.0\.0:0 is not a loopback address, .* or add --insecure if you want this$/m,
    ],
    ["a file as data directory", () => ({ "data-dir": file }), /^mesos-bridge: --data-dir: .* is not a directory/],
    [
      "a data directory below a file",
      () => ({ "data-dir": join(file, "x") }),
      /^mesos-bridge: --data-dir: .* can't be used/,
    ],
    [
      "one that can't be made",
      () => ({ "data-dir": "/proc/none" }),
      /^mesos-bridge: --data-dir: .* can't be used: ENOENT/,
    ],
    [
      "one that can't be written",
      () => ({ "data-dir": "/proc/self/fd" }),
      /^mesos-bridge: --data-dir: .* can't be used/,
    ],
    ["a principal without a secret", () => ({ principal: "x" }), /--principal and --secret-file go together/],
    ["a secret without a principal", () => ({ "secret-file": file }), /--principal and --secret-file go together/],
    [
      "both ways of authentication",
      () => ({ principal: "x", "secret-file": file, "token-file": file }),
      /use either --principal and --secret-file, or --token-file/,
    ],
    [
      "a secret that is not there",
      () => ({ principal: "x", "secret-file": "/none" }),
      /^mesos-bridge: --secret-file: .*ENOENT/,
    ],
    ["a token that is not there", () => ({ "token-file": "/none" }), /^mesos-bridge: --token-file: .*ENOENT/],
    ["a token that is a directory", () => ({ "token-file": dir }), /^mesos-bridge: --token-file: .*EISDIR/],
    [
      "certificates that are not there",
      () => ({ "master-ca": "/none" }),
      /^mesos-bridge: --master-ca: .*there is no such file/,
    ],
    [
      "certificates that are none",
      () => ({ "master-ca": file }),
      /^mesos-bridge: --master-ca: .* holds no certificate in PEM/,
    ],
    [
      "a lease that is none",
      () => ({ "default-lease": "soon" }),
      /^mesos-bridge: --default-lease: 'soon' is not a duration/,
    ],
    ["a hold without a unit", () => ({ "offer-hold": "5" }), /^mesos-bridge: --offer-hold: '5' is not a duration/],
    ["a timeout of nothing", () => ({ "client-timeout": "0s" }), /^mesos-bridge: --client-timeout: use 100ms to 24h/],
    ["one missed heartbeat", () => ({ "missed-heartbeats": "1" }), /^mesos-bridge: --missed-heartbeats: use a number/],
    ["a call timeout of no time", () => ({ "call-timeout": "10ms" }), /^mesos-bridge: --call-timeout: use 1s to 1h/],
    ["a drain of too long", () => ({ "drain-timeout": "11m" }), /^mesos-bridge: --drain-timeout: use 0s to 10m/],
    ["no frameworks", () => ({ "max-frameworks": "0" }), /^mesos-bridge: --max-frameworks: use a number from 1/],
    ["a size without a unit", () => ({ "max-request-size": "16" }), /^mesos-bridge: --max-request-size: use 64KiB to/],
    [
      "a request timeout of no time",
      () => ({ "request-timeout": "0s" }),
      /^mesos-bridge: --request-timeout: use 1s to/,
    ],
    ["a log level", () => ({ "log-level": "loud" }), /^mesos-bridge: --log-level: .*debug/],
  ];
  test.each(wrong)("%s", async (_, flags, line) => {
    const { code, stdout, stderr } = await serve(flags());
    expect(stderr).toMatch(line);
    expect(stderr.trimEnd().split("\n"), stderr).toHaveLength(1);
    expect(stderr).not.toMatch(/\bat .*:\d+:\d+/);
    expect(stdout).toBe("");
    // What is wrong with the machine rather than with the command line.
    const cantStart =
      /is in use|can't be used|is not a (directory|loopback)|ENOENT|EISDIR|there is no such file|holds no/;
    expect(code).toBe(cantStart.test(stderr) ? 1 : 2);
  });
});
