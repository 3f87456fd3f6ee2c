import { beforeAll, expect, it } from "vitest";
import { LinkState } from "../../gen/mesosbridge/v1/scheduler.js";
import { type RunningProcess, startProcess } from "../support/childProcess.js";
import { cleanupAfterAll } from "../support/cleanup.js";
import { type BridgeSuite, describeBridge } from "../support/describeBridge.js";
import { eventually } from "../support/eventually.js";

/** How a program is started. */
export interface Program {
  command: string;
  args: string[];
  env?: NodeJS.ProcessEnv;
}

/** Building one from nothing downloads what it needs. */
const BUILD_TIMEOUT_MS = 600_000;
const RUN_TIMEOUT_MS = 60_000;
let names = 0;

/**
 * What `empty-tasks` does in any language, with the bridge on both Mesoses and without a bridge.
 *
 * @param build gives the program, built if it was not
 */
export function testEmptyTasks(language: string, build: () => Promise<Program>): void {
  let program: Program = { command: "", args: [] };
  beforeAll(async () => {
    program = await build();
  }, BUILD_TIMEOUT_MS);
  const start = (...args: string[]) => startProcess({ ...program, args: [...program.args, ...args] });

  describeBridge(`empty-tasks in ${language}`, {}, (suite) => {
    testWithBridge(suite, async (bridge, ...args) => {
      const name = `empty-tasks-${language}-${++names}`;
      const running = await start("--bridge", bridge, "--framework-name", name, ...args);
      suite().cleanup.use(running);
      return { running, name };
    });
  });

  testWithoutBridge(start, cleanupAfterAll());
}

type StartOn = (bridge: string, ...args: string[]) => Promise<{ running: RunningProcess; name: string }>;

function testWithBridge(suite: () => BridgeSuite, start: StartOn): void {
  it("launches tasks and sees them finish", { timeout: RUN_TIMEOUT_MS }, async () => {
    const { running } = await start(suite().bridge.address, "--tasks", "7");
    const { code } = await running.exited;
    expect(running.log()).toMatch(/^7 of 7 finished, 0 failed$/m);
    expect(code).toBe(0);
  });

  it("goes on where it was when the bridge is killed and started again", { timeout: RUN_TIMEOUT_MS }, async () => {
    const bridge = await suite().ownBridge();
    const { running } = await start(bridge.address, "--tasks", "20", "--give-up-after", "30");
    await running.logged(/^launched \d+/m);
    await bridge.kill();
    await running.logged(/^not attached to the bridge: /m);
    await bridge.restart();
    const { code } = await running.exited;
    expect(running.log()).toMatch(/^20 of 20 finished, 0 failed$/m);
    expect(code).toBe(0);
  });

  it("ends its framework when it is interrupted", { timeout: RUN_TIMEOUT_MS }, async () => {
    const { client, bridge } = suite();
    // There is nothing of this role, so it waits.
    const { running, name } = await start(bridge.address, "--role", "nothing-is-of-this-role");
    const known = async () => (await client.call("listFrameworks", {})).response?.frameworks ?? [];
    const find = async () => (await known()).find(({ frameworkName }) => frameworkName === name);
    const stands = async () => {
      const framework = await find();
      return framework?.attached === true && framework.linkState === LinkState.LINK_STATE_CONNECTED;
    };
    await eventually(stands, { what: "the attachment" });
    running.signal("SIGTERM");
    const { code } = await running.exited;
    expect(code).toBe(1);
    await eventually(async () => (await find()) === undefined, { what: "the end of the framework" });
  });
}

function testWithoutBridge(
  start: (...args: string[]) => Promise<RunningProcess>,
  cleanup: ReturnType<typeof cleanupAfterAll>,
): void {
  it("gives up where there is no bridge", { timeout: RUN_TIMEOUT_MS }, async () => {
    // Port 1 belongs to a service that nobody runs.
    const running = cleanup.use(await start("--bridge", "127.0.0.1:1", "--give-up-after", "1"));
    const { code } = await running.exited;
    expect(running.log()).toMatch(/^empty-tasks: .*refused/im);
    expect(code).toBe(1);
  });

  it.each([["--tasks", "0"], ["--retries", "many"], ["--nonsense"]])("refuses %s %s", async (...args) => {
    const running = cleanup.use(await start(...args));
    const { code } = await running.exited;
    expect(running.log()).toContain(args[0]);
    expect(code).toBe(2);
  });

  it("tells its options", async () => {
    const running = cleanup.use(await start("--help"));
    const { code } = await running.exited;
    for (const flag of ["bridge", "framework-name", "user", "role", "tasks", "retries", "give-up-after"])
      expect(running.log()).toMatch(new RegExp(`--${flag} `));
    expect(code).toBe(0);
  });
}
