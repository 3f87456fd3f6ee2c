import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { Command } from "commander";
import { describe, expect, it } from "vitest";
import type { z } from "zod";
import { invertCommand, invertOptions } from "../../../clients/typescript/invert/options.js";
import { parseApps } from "../../../clients/typescript/supervise/app.js";
import { allowedAddresses } from "../../../server/cli/listening.js";
import { addOptions } from "../../../server/cli/options.js";
import { parseServeConfig, type ServeConfig, type ServeFlags } from "../../../server/cli/serveConfig.js";
import { SERVE_OPTIONS } from "../../../server/cli/serveOptions.js";
import { deployFiles, deployFor, deployText, SITE } from "../../support/deployFiles.js";
import { at } from "../../support/paths.js";
import { marathonApp } from "./marathonApp.js";
import { singularityDeploy, singularityRequest } from "./singularityFiles.js";

const files = [
  ...deployFiles("marathon").map((file) => ({ peer: "marathon" as const, file })),
  ...deployFiles("singularity").map((file) => ({ peer: "singularity" as const, file })),
];
const schemaOf = (peer: string, file: string): z.ZodType => {
  if (peer === "marathon") return marathonApp;
  return file.endsWith(".request.json") ? singularityRequest : singularityDeploy;
};
const json = (peer: "marathon" | "singularity", file: string): unknown => JSON.parse(deployText(peer, file));
const app = (file: string) => marathonApp.parse(json("marathon", file));
const request = (name: string) => singularityRequest.parse(json("singularity", `${name}.request.json`));
const deploy = (name: string) => singularityDeploy.parse(json("singularity", `${name}.deploy.json`)).deploy;

/** What a definition runs, by its name in both folders. Of both, Mesos gets the program as the first of its arguments. */
const commandLines = (name: string) => [app(`${name}.json`).args ?? [], deploy(name).arguments ?? []];

/** The arguments of a Node program of this project. @throws Error when the command line runs something else */
function argumentsFor(source: string, [node, script, ...args]: string[]): string[] {
  expect(node).toBe("node");
  expect(script).toBe(join(SITE.program, "dist", source.replace(/\.ts$/, ".js")));
  expect(existsSync(at(source))).toBe(true);
  return args;
}

/** A command that throws what is wrong, and prints nothing. */
const quiet = (command: Command) => command.exitOverride().configureOutput({ writeErr: () => {} });

async function serveConfig(line: string[]): Promise<ServeConfig> {
  const [name, ...args] = argumentsFor("server/main.ts", line);
  expect(name).toBe("serve");
  const command = addOptions(quiet(new Command().allowExcessArguments(false)), SERVE_OPTIONS);
  const config = parseServeConfig(command.parse(args, { from: "user" }).opts<ServeFlags>());
  await allowedAddresses(config, { tls: false, authentication: false });
  return config;
}

function invertCall(line: string[]): { inputs: string[]; options: ReturnType<typeof invertOptions> } {
  const command = quiet(invertCommand());
  command.parse(argumentsFor("clients/typescript/invert/main.ts", line), { from: "user" });
  return { inputs: command.args, options: invertOptions(command) };
}

describe("the definitions in deploy/", () => {
  it("are those of bridge and batch, for Marathon and Singularity", () => {
    expect(deployFiles("marathon")).toEqual(["bridge.json", "invert.json"]);
    expect(deployFiles("singularity")).toEqual(
      ["bridge", "invert"].flatMap((name) => [`${name}.deploy.json`, `${name}.request.json`]),
    );
  });

  it.each(files)("$peer/$file has only fields and values that its meta-framework takes", ({ peer, file }) => {
    expect(schemaOf(peer, file).safeParse(json(peer, file)).error?.issues).toBeUndefined();
  });

  it("run the bridge with options that it takes: one instance, a fixed port, patience with the one before it", async () => {
    for (const line of commandLines("bridge")) {
      const config = await serveConfig(line);
      expect(config).toMatchObject({ listen: [SITE.listen], dataDir: SITE.dataDir, insecure: true });
      expect(config.master.kind).toBe("zookeeper");
      expect(config.waitForDataDir).toBeGreaterThan(config.drainTimeout);
    }
    expect([app("bridge.json").instances, request("bridge").instances]).toEqual([1, 1]);
  });

  it("let the bridge drain before it is killed, and let it wait before its health check counts", async () => {
    const [line = []] = commandLines("bridge");
    const { drainTimeout, waitForDataDir } = await serveConfig(line);
    const { taskKillGracePeriodSeconds = 3, healthChecks = [], upgradeStrategy } = app("bridge.json");
    expect(taskKillGracePeriodSeconds * 1000).toBeGreaterThan(drainTimeout);
    expect((healthChecks[0]?.gracePeriodSeconds ?? 0) * 1000).toBeGreaterThan(waitForDataDir);
    // A second one beside the first would never be healthy: the old one has to end first.
    expect(upgradeStrategy).toEqual({ minimumHealthCapacity: 0, maximumOverCapacity: 0 });
    const [, singularity = []] = commandLines("bridge");
    // Mesos kills what Singularity ends after 3 s.
    expect((await serveConfig(singularity)).drainTimeout).toBeLessThan(3_000);
  });

  it("run the batch with options that it takes, under a name that is the same on every host", () => {
    for (const line of commandLines("invert")) {
      const { inputs, options } = invertCall(line);
      expect(inputs).toEqual([SITE.input]);
      expect(options).toMatchObject({ bridge: SITE.bridges, output: SITE.output, serveHost: "0.0.0.0" });
      expect(options.givenName).toBe("photographs");
    }
    expect(request("invert")).toMatchObject({ requestType: "ON_DEMAND", instances: 1 });
    expect(request("invert").numRetriesOnFailure).toBeGreaterThan(0);
  });

  it("of Singularity belong together, and name the program twice: as what is run, and as its argument 0", () => {
    for (const name of ["bridge", "invert"]) {
      expect(deploy(name).requestId).toBe(request(name).id);
      expect(deploy(name).arguments?.[0]).toBe(deploy(name).command);
    }
  });

  it("of Marathon are good for mesos-supervise too", () => {
    const texts = new Map(deployFiles("marathon").map((file) => [file, deployText("marathon", file)]));
    expect(parseApps(texts).map(({ id }) => id)).toEqual(["/mesos-bridge", "/photographs/invert"]);
  });
});

describe("deploy/README.md", () => {
  const readme = readFileSync(at("deploy/README.md"), "utf8");

  it("names every file, and every value that is to be changed", () => {
    for (const { peer, file } of files) expect(readme).toContain(`${peer}/${file}`);
    for (const value of Object.values(SITE)) expect(readme).toContain(`| \`${value}\``);
  });

  it("misses no value that is to be changed", () => {
    const changed = Object.fromEntries(Object.keys(SITE).map((key) => [key, `other-${key}:1`]));
    for (const { peer, file } of files) {
      const text = JSON.stringify(deployFor(peer, file, { ...SITE, ...changed }));
      expect(text).not.toMatch(/example|\/shared\/|\/opt\/|50051/);
    }
  });
});

describe("a definition with a mistake", () => {
  const bridge = app("bridge.json");
  const [healthCheck] = bridge.healthChecks ?? [];
  it.each<[string, object, (string | number)[]]>([
    ["an unknown field", { ...bridge, cpu: 1 }, []],
    ["a string for a number", { ...bridge, mem: "512" }, ["mem"]],
    ["an unknown constraint", { ...bridge, constraints: [["hostname", "ALONE"]] }, ["constraints", 0, 1]],
    ["a constraint of four", { ...bridge, constraints: [["a", "LIKE", "b", "c"]] }, ["constraints", 0]],
    [
      "a field twice",
      {
        ...bridge,
        constraints: [
          ["a", "UNIQUE"],
          ["a", "UNIQUE"],
        ],
      },
      ["constraints"],
    ],
    [
      "a share over 1",
      { ...bridge, upgradeStrategy: { minimumHealthCapacity: 2, maximumOverCapacity: 0 } },
      ["upgradeStrategy", "minimumHealthCapacity"],
    ],
    ["a fraction of a second", { ...bridge, backoffSeconds: 0.5 }, ["backoffSeconds"]],
    [
      "an unknown protocol",
      { ...bridge, healthChecks: [{ ...healthCheck, protocol: "GRPC" }] },
      ["healthChecks", 0, "protocol"],
    ],
    ["an id with a space", { ...bridge, id: "a b" }, ["id"]],
    ["cmd and args", { ...bridge, cmd: "true" }, []],
  ])("of Marathon is found: %s", (_, changed, path) => {
    expect(marathonApp.safeParse(changed).error?.issues.map((issue) => issue.path)).toContainEqual(path);
  });

  it("of Singularity is found", () => {
    const wrongRequest = { ...request("bridge"), requestType: "DAEMON", instance: 1 };
    expect(singularityRequest.safeParse(wrongRequest).error?.issues.map(({ message }) => message)).toEqual([
      expect.stringContaining("RUN_ONCE"),
      expect.stringContaining('"instance"'),
    ]);
    const retried = { ...request("bridge"), numRetriesOnFailure: 1 };
    expect(singularityRequest.safeParse(retried).error?.issues.map(({ path }) => path)).toEqual([
      ["numRetriesOnFailure"],
    ]);
    const wrongDeploy = { deploy: { ...deploy("bridge"), id: "d-1", resources: { cpus: 1, mem: 1 } } };
    expect(singularityDeploy.safeParse(wrongDeploy).error?.issues.map(({ path }) => path.join("."))).toEqual(
      expect.arrayContaining(["deploy.id", "deploy.resources", "deploy.resources.memoryMb"]),
    );
  });

  it("in a command line is found", async () => {
    const [line = []] = commandLines("bridge");
    await expect(serveConfig([...line, "--no-such-option"])).rejects.toThrow("unknown option '--no-such-option'");
    await expect(serveConfig(line.filter((word) => word !== "--insecure"))).rejects.toThrow("--insecure");
    const [invert = []] = commandLines("invert");
    expect(() => invertCall([...invert, "--no-such-option"])).toThrow("unknown option '--no-such-option'");
  });
});
