import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { z } from "zod";
import { configSchema } from "../../../server/cli/configSchema.js";
import { settingsJson, settingsTable, shownSettings } from "../../../server/cli/configShow.js";
import { type AnyOption, keyOf, variableOf } from "../../../server/cli/options.js";
import { parseServeConfig } from "../../../server/cli/serveConfig.js";
import { SERVE_OPTIONS } from "../../../server/cli/serveOptions.js";
import { gatherSettings } from "../../../server/cli/settings.js";
import { at } from "../../support/paths.js";

const example = at("deploy/mesos-bridge.toml");
const table = Object.entries(SERVE_OPTIONS).map(([name, option]) => [name, option as AnyOption] as const);
const shown = (flags: Record<string, unknown>, env: Record<string, string> = {}) =>
  shownSettings(SERVE_OPTIONS, gatherSettings(SERVE_OPTIONS, { flags, env }));

describe("config show", () => {
  test("has each option of the table, with its default", () => {
    const all = shown({ master: "127.0.0.1:5050" });
    expect(all.map(({ key }) => key)).toEqual(table.map(([name]) => keyOf(name)));
    for (const [name, option] of table.filter(([each]) => each !== "master")) {
      const preset = "read" in option ? (option.default ?? null) : false;
      expect(all.find(({ key }) => key === keyOf(name))).toMatchObject({ value: preset, source: "default" });
    }
  });

  test.each<[string, unknown]>([
    ["master", "zk://user:geheim@zk1:2181/mesos"],
    ["master", "user:ge/heim@127.0.0.1:5050"],
    ["jwks", "https://user:geheim@issuer/keys"],
    ["listen", ["http://user:geheim@x"]],
    ["traces", "https://user:geheim@collector/v1/traces?key=geheim"],
  ])("never shows a password of %s", (name, value) => {
    const text = settingsTable(shown({ [name]: value })) + settingsJson(shown({ [name]: value }));
    expect(text).not.toMatch(/ge\/?heim/);
    expect(text).toContain("***@");
  });

  test("says which source counts, and which ones do not", () => {
    const lines = settingsTable(shown({ config: example, dataDir: "/d" }, { MESOS_BRIDGE_DATA_DIR: "/e" })).split("\n");
    const line = lines.find((each) => each.startsWith("data-dir "));
    expect(line).toMatch(/^data-dir +\/d +--data-dir \(not MESOS_BRIDGE_DATA_DIR, .*mesos-bridge\.toml: line \d+\)$/);
    expect(lines.find((each) => each.startsWith("tls-cert "))).toMatch(/^tls-cert +- +default$/);
  });
});

describe("deploy/mesos-bridge.toml", () => {
  const text = readFileSync(example, "utf8");

  test("is a configuration as it is, with the schema beside it", () => {
    const settings = gatherSettings(SERVE_OPTIONS, { flags: { config: example }, env: {} });
    expect(parseServeConfig(settings.typed)).toMatchObject({ dataDir: "/var/lib/mesos-bridge" });
    const [, schema = ""] = /^#:schema \.\/(\S+)\n/.exec(text) ?? [];
    expect(JSON.parse(readFileSync(at("deploy", schema), "utf8"))).toEqual(configSchema(SERVE_OPTIONS));
  });

  test.each(table)("has %s with its default, and docs/configuration.md has it too", (name, option) => {
    expect(text).toMatch(new RegExp(`^#?${keyOf(name)} = `, "m"));
    const preset = "read" in option ? option.default : "false";
    if (preset !== undefined) expect(text).toMatch(new RegExp(`^#${keyOf(name)} = "?${preset}"?$`, "m"));
    const page = readFileSync(at("docs/configuration.md"), "utf8");
    expect(page).toMatch(new RegExp(`^\\| \`${keyOf(name)}\` +\\| \`${variableOf(name, option)}\` +\\| `, "m"));
  });
});

describe("the JSON Schema", () => {
  const schema = z.fromJSONSchema(configSchema(SERVE_OPTIONS) as Parameters<typeof z.fromJSONSchema>[0]);
  const takes = (value: object) => schema.safeParse(value).success;

  test.each<[object, boolean]>([
    [{}, true],
    [{ "offer-hold": "1.5s", "max-request-size": "16MiB", "log-level": "warn", insecure: true }, true],
    [{ "max-frameworks": 10, "max-observers": "10" }, true],
    [{ listen: "127.0.0.1:0" }, true],
    [{ listen: ["127.0.0.1:0", "unix:/a"] }, true],
    [{ listen: [] }, false],
    [{ "offer-hold": "soon" }, false],
    [{ "offer-hold": 5 }, false],
    [{ "max-frameworks": 0 }, false],
    [{ "max-frameworks": "many" }, false],
    [{ "log-level": "loud" }, false],
    [{ insecure: "true" }, false],
    [{ "data-dir": "" }, false],
    [{ dataDir: "/d" }, false],
  ])("%j: %s", (value, expected) => {
    expect(takes(value)).toBe(expected);
  });

  test("takes each default", () => {
    for (const [name, option] of table) {
      if ("read" in option && option.default !== undefined) expect(takes({ [keyOf(name)]: option.default })).toBe(true);
    }
  });
});
