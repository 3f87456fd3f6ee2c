import { spawnSync } from "node:child_process";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Command } from "commander";
import { describe, expect, test } from "vitest";
import { addOptions } from "../../../server/cli/options.js";
import { parseServeConfig, type ServeFlags } from "../../../server/cli/serveConfig.js";
import { SERVE_OPTIONS } from "../../../server/cli/serveOptions.js";
import { cleanupAfterAll } from "../../support/cleanup.js";
import { SITE } from "../../support/deployFiles.js";
import { at } from "../../support/paths.js";

const NAME = "mesos-bridge.service";
const NODE = "/usr/bin/node";
const text = readFileSync(at("deploy/systemd", NAME), "utf8");

/** The unit's settings, by their names. Those that may be given twice are not in it. */
const settings = new Map(
  text
    .replaceAll("\\\n", " ")
    .split("\n")
    .flatMap((line) => {
      const [, name, value] = /^(\w+)=(.*)$/.exec(line) ?? [];
      return name === undefined || value === undefined ? [] : [[name, value.trim()] as const];
    }),
);

describe("the unit of systemd", () => {
  const cleanup = cleanupAfterAll();

  /** What systemd-analyze says of a unit, which is nothing if all is well; its status says less. */
  async function complaints(unit: string): Promise<string[]> {
    const path = join(await cleanup.tempDir(), NAME);
    // It looks whether the program is there, which other machines have elsewhere.
    writeFileSync(path, unit.replace(NODE, process.execPath));
    const { stdout, stderr } = spawnSync("systemd-analyze", ["verify", "--man=no", path], { encoding: "utf8" });
    return `${stdout}${stderr}`.split("\n").filter((line) => line.includes(NAME));
  }

  test("is what systemd understands", async ({ skip }) => {
    if (spawnSync("systemd-analyze", ["--version"]).status !== 0) return skip("there is no systemd-analyze here");
    expect(await complaints(text)).toEqual([]);
    const [restart] = /^Restart=.*$/m.exec(text) ?? [""];
    expect(await complaints(text.replace(restart, `${restart}\nRestrat=always`))).toEqual([
      expect.stringContaining("Unknown key"),
    ]);
    expect(await complaints(text.replace(restart, "Restart=sometimes"))).toEqual([
      expect.stringContaining("Failed to parse"),
    ]);
    expect(await complaints(text.replace("ExecReload=/bin/kill", "ExecReload=/bin/no-kill"))).not.toEqual([]);
  });

  test("starts a bridge with options that it has, and gives it time to end", () => {
    const [node, script, name, ...args] = settings.get("ExecStart")?.split(/\s+/) ?? [];
    expect([node, script, name]).toEqual([NODE, `${SITE.program}/dist/server/main.js`, "serve"]);
    expect(existsSync(at("server/main.ts"))).toBe(true);
    const command = addOptions(new Command().exitOverride().allowExcessArguments(false), SERVE_OPTIONS);
    command.configureOutput({ writeErr: () => {} });
    const options = args.filter((arg) => arg !== "$BRIDGE_OPTIONS");
    const config = parseServeConfig(command.parse(options, { from: "user" }).opts<ServeFlags>());
    expect(config.dataDir).toBe(`/var/lib/${settings.get("StateDirectory")}`);
    expect(config.master).toMatchObject({ kind: "zookeeper" });
    expect(Number(settings.get("TimeoutStopSec")) * 1000).toBeGreaterThanOrEqual(config.drainTimeout + 10_000);
    const descriptors = 2 * config.maxFrameworks + config.maxConnections + 40;
    expect(Number(settings.get("LimitNOFILE"))).toBeGreaterThan(descriptors);
  });

  test("has nothing that Node can't run with", () => {
    for (const name of ["MemoryDenyWriteExecute", "ProcSubset"]) expect(settings.has(name), name).toBe(false);
    expect(settings.get("Type")).toBe("exec");
    expect(settings.get("RestrictAddressFamilies")?.split(" ").sort()).toEqual([
      "AF_INET",
      "AF_INET6",
      "AF_NETLINK",
      "AF_UNIX",
    ]);
  });
});
