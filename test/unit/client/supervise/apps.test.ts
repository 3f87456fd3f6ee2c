import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { type App, parseApps } from "../../../../clients/typescript/supervise/app.js";
import { at } from "../../../support/paths.js";

const web = { id: "web", cmd: "sleep 1" };

function parse(...contents: unknown[]): App[] {
  return parseApps(new Map(contents.map((content, i) => [`${i + 1}.json`, JSON.stringify(content)])));
}

function hashOf(more: object): string | undefined {
  return parse({ ...web, ...more })[0]?.hash;
}

describe("app definitions", () => {
  it("come alone, as a list, as apps, and from several files", () => {
    const apps = parse(
      web,
      [
        { id: "/shop/cart", args: ["a", "b"] },
        { ...web, id: "x.y" },
      ],
      { apps: [{ ...web, id: "z" }] },
    );
    expect(apps.map(({ name, at }) => [name, at])).toEqual([
      ["web", "1.json: "],
      ["shop_cart", "2.json: [0]."],
      ["x.y", "2.json: [1]."],
      ["z", "3.json: apps[0]."],
    ]);
  });

  it("of the example are good", () => {
    const path = at("clients/typescript/supervise/examples/apps.json");
    expect(parseApps(new Map([[path, readFileSync(path, "utf8")]])).map(({ name }) => name)).toEqual([
      "web",
      "photographs_invert",
    ]);
  });

  it("have Marathon's defaults", () => {
    expect(parse(web)[0]).toMatchObject({
      instances: 1,
      cpus: 1,
      mem: 128,
      disk: 0,
      backoffSeconds: 1,
      backoffFactor: 1.15,
      maxLaunchDelaySeconds: 300,
      upgradeStrategy: { minimumHealthCapacity: 1, maximumOverCapacity: 1 },
      env: {},
      fetch: [],
      constraints: [],
      healthChecks: [],
    });
    const [check] = parse({ ...web, healthChecks: [{ protocol: "HTTP", port: 80 }] })[0]?.healthChecks ?? [];
    expect(check).toMatchObject({ path: "/", gracePeriodSeconds: 300, intervalSeconds: 60, maxConsecutiveFailures: 3 });
  });

  it("take uris as what is fetched", () => {
    const [app] = parse({ ...web, uris: ["http://a/x.tgz"], fetch: [{ uri: "http://a/y", executable: true }] });
    expect(app?.fetch.map(({ uri, extract, executable }) => [uri, extract, executable])).toEqual([
      ["http://a/y", true, true],
      ["http://a/x.tgz", true, false],
    ]);
  });

  it("are of another version when what runs is another, and only then", () => {
    const before = hashOf({});
    for (const more of [{ instances: 7 }, { backoffSeconds: 9 }, { upgradeStrategy: { minimumHealthCapacity: 0.5 } }]) {
      expect(hashOf(more), JSON.stringify(more)).toBe(before);
    }
    const others = [
      { cmd: "sleep 2" },
      { cpus: 2 },
      { mem: 64 },
      { disk: 1 },
      { env: { A: "1" } },
      { uris: ["http://a/b"] },
      { constraints: [["hostname", "UNIQUE"]] },
      { healthChecks: [{ protocol: "COMMAND", command: { value: "true" } }] },
      { taskKillGracePeriodSeconds: 9 },
    ];
    expect(new Set([before, ...others.map(hashOf)]).size).toBe(others.length + 1);
    expect(hashOf({ env: { A: "1", B: "2" } })).toBe(hashOf({ env: { B: "2", A: "1" } }));
  });

  const health = (check: object) => ({ ...web, healthChecks: [check] });
  it.each<[string, unknown, string]>([
    ["an unknown field", { apps: [web, { ...web, id: "b", cpu: 1 }] }, "1.json: apps[1].cpu: unknown field"],
    ["an unknown field within", { ...web, upgradeStrategy: { min: 1 } }, "1.json: upgradeStrategy.min: unknown field"],
    ["an unknown field beside apps", { apps: [web], groups: [] }, "1.json: groups: unknown field"],
    ["a wrong type", [{ ...web, cpus: "1" }], "1.json: [0].cpus: expected number, received string"],
    [
      "a number that is too large",
      { ...web, instances: 1e6 },
      "1.json: instances: expected number to be at most 100000",
    ],
    ["an app that is none", ["a"], "1.json: [0]: expected object, received string"],
    ["a file that holds nothing", null, "1.json: expected object, received null"],
    ["an empty text", { ...web, uris: [""] }, "1.json: uris[0]: expected some text, received none"],
    ["no id", { cmd: "a" }, "1.json: id: expected string, received undefined"],
    [
      "an id that no task id can hold",
      { ...web, id: "A b" },
      "1.json: id: it has to be of a-z, 0-9, - and . between slashes",
    ],
    ["neither cmd nor args", { id: "a" }, "1.json: cmd: give cmd or args"],
    ["both cmd and args", { ...web, args: ["a"] }, "1.json: cmd: give cmd or args"],
    [
      "an unknown operator",
      { ...web, constraints: [["a", "LIKE", "b"]] },
      '1.json: constraints[0][1]: expected one of "UNIQUE"|"CLUSTER"|"GROUP_BY"',
    ],
    [
      "too much of a constraint",
      { ...web, constraints: [["a", "UNIQUE", "b", "c"]] },
      "1.json: constraints[0]: expected array to have at most 3 items",
    ],
    [
      "groups without a number",
      { ...web, constraints: [["a", "GROUP_BY", "x"]] },
      "constraints[0]: GROUP_BY takes a number",
    ],
    [
      "two health checks",
      { ...web, healthChecks: [1, 2].map(() => ({ protocol: "HTTP", port: 1 })) },
      "1.json: healthChecks: Mesos runs one",
    ],
    ["an unknown protocol", health({ protocol: "TCP", port: 1 }), "1.json: healthChecks[0].protocol: "],
    ["a health check without a port", health({ protocol: "HTTP" }), "1.json: healthChecks[0].port: expected number"],
    ["no object", [7], "1.json: [0]: expected object, received number"],
  ])("with %s are refused in one line", (_, content, line) => {
    expect(() => parse(content)).toThrow(line);
    expect(() => parse(content)).toThrow(/^[^\n]+$/);
  });

  it("with one id twice are refused, also in two files, and as /id", () => {
    expect(() => parse([web, { ...web, id: "/web" }])).toThrow("1.json: [1].id: /web is also 1.json: [0].id");
    expect(() => parse(web, { apps: [web] })).toThrow("2.json: apps[0].id: web is also 1.json: id");
  });

  it("that are not JSON are refused with the file", () => {
    expect(() => parseApps(new Map([["a.json", "{"]]))).toThrow(/^a\.json is not JSON: [^\n]+$/);
  });
});
