import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Command } from "commander";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { addConfigOption } from "../../../server/cli/configOption.js";
import { type AnyOption, addOptions, keyOf, variableOf } from "../../../server/cli/options.js";
import { parseServeConfig } from "../../../server/cli/serveConfig.js";
import { SERVE_OPTIONS } from "../../../server/cli/serveOptions.js";
import { gatherSettings } from "../../../server/cli/settings.js";

let dir: string;
let count = 0;
beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), "mesos-bridge-settings-"));
});
afterAll(() => rmSync(dir, { recursive: true }));

function file(text: string | Uint8Array): string {
  const path = join(dir, `${count++}.toml`);
  writeFileSync(path, text);
  return path;
}

type Env = Record<string, string | undefined>;

function gather(args: readonly string[], env: Env = {}) {
  const command = new Command().exitOverride().configureOutput({ writeErr: () => {} });
  addConfigOption(addOptions(command, SERVE_OPTIONS));
  const flags = command.parse([...args], { from: "user" }).opts();
  return gatherSettings(SERVE_OPTIONS, { flags, env });
}

/** All that is wrong with a configuration, as a user reads it. */
function problems(args: readonly string[], env: Env = {}): readonly string[] {
  let explain = (text: string) => text;
  try {
    const settings = gather(["--master", "127.0.0.1:1", "--data-dir", "d", ...args], env);
    explain = (text) => settings.explain(text);
    parseServeConfig(settings.typed);
  } catch (error) {
    return (error as { problems?: readonly string[] }).problems?.map(explain) ?? [String(error)];
  }
  return [];
}

const ofFile = (text: string) => {
  const path = file(text);
  return problems(["--config", path]).map((problem) => problem.replaceAll(path, "FILE"));
};

/** Two texts that the option takes. */
function examples(name: string, option: AnyOption): [string, string] {
  if (!("read" in option)) return ["true", "true"];
  const { schema } = option;
  if (schema.type === "integer") return [String(schema.minimum + 1), String(schema.minimum + 2)];
  if (schema.enum) return [schema.enum[0] ?? "", schema.enum[1] ?? ""];
  if (name === "master") return ["10.0.0.1:5050", "zk://user:password@z1:2181/mesos"];
  if (name === "traces") return ["http://127.0.0.1:4318/v1/traces", "https://collector/v1/traces"];
  if (schema.pattern?.includes("MiB")) return ["1MiB", "2MiB"];
  if (schema.pattern?.includes("ms|s")) return ["2s", "3s"];
  return schema.pattern?.includes("unix") ? ["127.0.0.1:1", "unix:/run/b.sock"] : ["/a/b", "/c d/é"];
}

const table = Object.entries(SERVE_OPTIONS).map(([name, option]) => ({ name, option: option as AnyOption }));

describe.each(table)("$name", ({ name, option }) => {
  const [one, other] = examples(name, option);
  const isSwitch = !("read" in option);
  const isNumber = "read" in option && option.schema.type === "integer";
  const flag = (text: string) => (isSwitch ? [`--${keyOf(name)}`] : [`--${keyOf(name)}`, text]);
  const toml = (text: string) => `${keyOf(name)} = ${isSwitch || isNumber ? text : JSON.stringify(text)}\n`;
  const variable = variableOf(name, option);
  const readFrom = (args: readonly string[], env: Env = {}): unknown => {
    const value = gather(args, env).all.get(name)?.value;
    if (isSwitch) return value;
    const texts = Array.isArray(value) ? value : [value];
    return texts.map((text) => (option as { read: (text: string) => unknown }).read(text));
  };

  test("has the same value from a flag, the environment and the file", () => {
    const expected = readFrom(flag(one));
    expect(expected).toBeDefined();
    expect(readFrom([], { [variable]: one })).toEqual(expected);
    expect(readFrom(["--config", file(toml(one))])).toEqual(expected);
    if (!isSwitch) expect(readFrom(["--config", file(`${keyOf(name)} = ${JSON.stringify(one)}`)])).toEqual(expected);
    expect(readFrom([], { MESOS_BRIDGE_CONFIG: file(toml(one)) })).toEqual(expected);
  });

  test("is taken from the flag first, then the environment, then the file", () => {
    const low = isSwitch ? "false" : other;
    const config = file(toml(low));
    const kinds = (args: readonly string[], env: Env = {}) => {
      const setting = gather(args, env).all.get(name);
      return [setting?.origin.kind, ...(setting?.overridden ?? []).map(({ kind }) => kind)];
    };
    expect(kinds([])).toEqual(["default"]);
    expect(kinds(["--config", config])).toEqual(["file"]);
    expect(kinds(["--config", config], { [variable]: one })).toEqual(["environment", "file"]);
    expect(kinds([...flag(one), "--config", config], { [variable]: low })).toEqual(["flag", "environment", "file"]);
    expect(readFrom(["--config", config], { [variable]: one })).toEqual(readFrom(flag(one)));
    expect(readFrom([...flag(one), "--config", config], { [variable]: low })).toEqual(readFrom(flag(one)));
  });

  test("that is empty in the environment is refused, with the cure", () => {
    expect(problems([], { [variable]: "" })).toEqual([`${variable} is empty: give it a value, or unset it`]);
  });

  test("of the wrong type in the file is refused by line and key", () => {
    const [problem = "", ...more] = ofFile(`# a comment\n${keyOf(name)} = { a = 1 }\n`);
    expect(more).toEqual([]);
    expect(problem).toMatch(new RegExp(`^FILE: line 2: ${keyOf(name)} must be (true or false|a (text|whole|list))`));
    const date = ofFile(`${keyOf(name)} = 2020-01-01\n`);
    expect(date[0]).toMatch(/^FILE: line 1: .* must be /);
  });
});

describe("lists and switches", () => {
  test("several addresses are a list in the file, and have commas in the environment", () => {
    const both = ["127.0.0.1:1", "unix:/run/a.sock"];
    const listen = (args: string[], env: Env = {}) => gather(args, env).typed.listen;
    expect(listen(["--config", file(`listen = ${JSON.stringify(both)}`)])).toEqual(both);
    expect(listen([], { MESOS_BRIDGE_LISTEN: both.join(", ") })).toEqual(both);
    expect(listen(both.flatMap((each) => ["--listen", each]))).toEqual(both);
    expect(listen(["--listen", "127.0.0.1:2"], { MESOS_BRIDGE_LISTEN: both.join() })).toEqual(["127.0.0.1:2"]);
  });

  test.each(["[]", "[1]", '["127.0.0.1:1", 2]', "50051"])("listen = %s is refused", (value) => {
    expect(ofFile(`listen = ${value}`)).toEqual([
      'FILE: line 1: listen must be a list of texts, such as ["127.0.0.1:50051"]',
    ]);
  });

  test("--no-insecure wins over environment and file", () => {
    expect(gather(["--no-insecure"], { MESOS_BRIDGE_INSECURE: "true" }).typed.insecure).toBe(false);
    expect(gather([], { MESOS_BRIDGE_INSECURE: "false" }).typed.insecure).toBe(false);
    expect(problems([], { MESOS_BRIDGE_INSECURE: "yes" })).toEqual(["MESOS_BRIDGE_INSECURE must be true or false"]);
    expect(ofFile('insecure = "true"')).toEqual(["FILE: line 1: insecure must be true or false"]);
  });
});

describe("an error names the key and its source", () => {
  test.each([
    ["offer-hold", "5", /FILE: line 1: offer-hold must be a text in quotes, such as "5s"$/],
    ["offer-hold", '"soon"', /FILE: line 1: offer-hold: 'soon' is not a duration: use 500ms/],
    ["max-frameworks", "0", /FILE: line 1: max-frameworks: use a number from 1 to/],
    ["max-frameworks", "1.5", /FILE: line 1: max-frameworks: use a number from 1 to/],
    ["max-frameworks", "true", /FILE: line 1: max-frameworks must be a whole number, such as 5000$/],
    ["max-frameworks", "99999999999999999999", /FILE: line 1, column \d+: /],
    ["log-level", '"loud"', /FILE: line 1: log-level: use debug, info, warn or error$/],
    ["principal", '"p"', /principal \(FILE, line 1\) and --secret-file go together$/],
    ["offer-hold", '"a\\nb\\u001b[31m"', /'a b \[31m' is not a duration/],
  ])("in the file: %s = %s", (key, value, expected) => {
    const [problem = "", ...more] = ofFile(`${key} = ${value}\n`);
    expect(problem).toMatch(expected);
    expect(more).toEqual([]);
  });

  test("in the environment, and as a flag", () => {
    const problem = "'soon' is not a duration: use 500ms, 60s, 5m or 24h";
    expect(problems([], { MESOS_BRIDGE_OFFER_HOLD: "soon" })).toEqual([`MESOS_BRIDGE_OFFER_HOLD: ${problem}`]);
    expect(problems(["--offer-hold", "soon"])).toEqual([`--offer-hold: ${problem}`]);
    // What a value holds is not taken for an option.
    expect(problems(["--offer-hold", "--listen"], { MESOS_BRIDGE_LISTEN: "127.0.0.1:1" })[0]).toContain("'--listen'");
  });

  test("and both sources, if they contradict each other", () => {
    const path = file('\nprincipal = "p"\nsecret-file = "s"\n');
    expect(problems(["--config", path], { MESOS_BRIDGE_MASTER_TOKEN_FILE: "t" })).toEqual([
      `use either principal (${path}, line 2) and secret-file (${path}, line 3), or MESOS_BRIDGE_MASTER_TOKEN_FILE`,
    ]);
  });

  test("all problems are there, not only the first one", () => {
    expect(ofFile('offer-hold = "soon"\nlog-level = "loud"\n')).toHaveLength(2);
    expect(ofFile('zk-ca = "a"\ntls-cert = "a"\njwks = "a"\n')).toHaveLength(4);
  });

  test("a flag that is given twice with different values is refused, without them", () => {
    const twice = ["--master", "zk://u:secret@h/m"];
    expect(problems(twice)).toEqual([
      expect.stringMatching(/--master is given twice with different values: give it once$/),
    ]);
    expect(problems(["--data-dir", "d"])).toEqual([]);
  });
});

describe("a file that can't be used", () => {
  test.each<[string, () => string, RegExp]>([
    ["is not there", () => join(dir, "none"), /can't be read: there is no such file \(ENOENT\): check the path$/],
    ["is a directory", () => dir, /can't be read: it is a directory$/],
    ["is a device", () => "/dev/null", /can't be read: it is not a regular file$/],
    [
      "is not UTF-8",
      () => file(new Uint8Array([0x23, 0xff, 0xfe])),
      /can't be read: it is not UTF-8: save it as UTF-8$/,
    ],
    ["is huge", () => file("#".repeat(300_000)), /can't be read: it has more than 256 KiB: is it the right file\?$/],
  ])("%s", (_, make, expected) => {
    const path = make();
    const [problem = "", ...more] = problems(["--config", path]);
    expect(problem).toMatch(expected);
    expect(problem.startsWith(`--config: ${path} `)).toBe(true);
    expect(more).toEqual([]);
    expect(problems([], { MESOS_BRIDGE_CONFIG: path })[0]).toBe(problem.replace("--config", "MESOS_BRIDGE_CONFIG"));
  });

  test("is not TOML: the line is told, and nothing of what it holds", () => {
    const [problem] = ofFile('data-dir = "d"\nmaster = "zk://u:secret@h/m\n');
    expect(problem).toMatch(/^FILE: line 2, column \d+: /);
    expect(problem).not.toContain("secret");
  });

  test("has a key twice: both lines are told", () => {
    expect(ofFile('log-level = "info"\n\n"log-level" = "debug"\n')).toEqual([
      "FILE: line 3: log-level is given twice, first in line 1: leave one of them out",
    ]);
  });

  test.each([
    ['logLevel = "info"', "did you mean 'log-level'?"],
    ['log_level = "info"', "did you mean 'log-level'?"],
    ['LOG-LEVEL = "info"', "did you mean 'log-level'?"],
    ['listne = "127.0.0.1:1"', "did you mean 'listen'?"],
    ["[serve]", "write all keys at the top, without [tables]"],
    ["config = 'other.toml'", "'mesos-bridge serve --help' lists the options"],
  ])("has an unknown key: %s", (line, advice) => {
    const key = /[\w-]+/.exec(line)?.[0];
    expect(ofFile(`# first\n${line}\n`)).toEqual([`FILE: line 2: ${key} is not known: ${advice}`]);
  });

  test("has its lines found beside values and comments that look like keys", () => {
    const text = 'listen = [\n  "listen=1:1",\n]\nzk-ca = """\nlog-level = 1\n"""\n# log-level = 2\nlog-level = 3\n';
    expect(ofFile(text)).toEqual([expect.stringContaining("line 8: log-level ")]);
  });
});

describe("variables of the environment", () => {
  test.each([
    ["MESOS_BRIDGE_DATADIR", "did you mean MESOS_BRIDGE_DATA_DIR?"],
    ["MESOS_BRIDGE_CONFG", "did you mean MESOS_BRIDGE_CONFIG?"],
    ["MESOS_BRIDGE_NONSENSE", "'mesos-bridge serve --help' lists the options"],
  ])("%s is not known", (variable, advice) => {
    expect(problems([], { [variable]: "x" })).toEqual([`${variable} is not known: ${advice}`]);
  });

  test("of clients and of containers are no mistake", () => {
    const names = ["CA", "CERT", "KEY", "TOKEN_FILE", "SERVICE_HOST", "SERVICE_PORT", "SERVICE_PORT_GRPC", "PORT"];
    const more = ["PORT_50051_TCP", "PORT_50051_TCP_ADDR", "PORT_50051_TCP_PROTO", "PORT_50051_TCP_PORT"];
    expect(problems([], Object.fromEntries([...names, ...more].map((name) => [`MESOS_BRIDGE_${name}`, "x"])))).toEqual(
      [],
    );
  });

  test("MESOS_BRIDGE_TOKEN_FILE is the clients' token, which Mesos never gets; a note says so", () => {
    const settings = gather([], { MESOS_BRIDGE_TOKEN_FILE: "t" });
    expect(settings.typed.tokenFile).toBeUndefined();
    expect(settings.notes).toEqual([
      "MESOS_BRIDGE_TOKEN_FILE is for clients of the bridge, and not used here: --token-file is MESOS_BRIDGE_MASTER_TOKEN_FILE",
    ]);
  });
});
