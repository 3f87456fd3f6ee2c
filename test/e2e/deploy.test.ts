import { readFileSync } from "node:fs";
import { copyFile, mkdir, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { startBridge } from "../support/bridge.js";
import { type RunningProcess, startProcess } from "../support/childProcess.js";
import { cleanupAfterAll } from "../support/cleanup.js";
import { deployFor, type Site } from "../support/deployFiles.js";
import { startEmbeddedMesos } from "../support/embeddedMesos.js";
import { eventually } from "../support/eventually.js";
import { freePort } from "../support/freePort.js";
import { at, root } from "../support/paths.js";
import { processesOf } from "../support/processes.js";

const images = ["chelsea.png", "rocket.jpg"];
/** Three starts of a bridge, and the checks of each every 5 s, take long where others compute. */
const PATIENCE = { timeoutMs: 60_000 };

interface MarathonApp {
  readonly args: string[];
}

describe.runIf(process.env.MESOS !== "real")("the definitions for Marathon, kept running by mesos-supervise", () => {
  const cleanup = cleanupAfterAll();
  let site: Site;
  let supervisor: RunningProcess;
  let folder: string;
  beforeAll(async () => {
    folder = await cleanup.tempDir();
    const mesos = cleanup.use(
      await startEmbeddedMesos({
        agents: 2,
        attributes: "storage:shared",
        flags: { allocation_interval: "100ms" },
      }),
    );
    const own = cleanup.use(await startBridge({ master: mesos.master }));
    const port = await freePort();
    site = {
      program: root,
      masters: mesos.master,
      listen: `127.0.0.1:${port}`,
      bridges: `127.0.0.1:1,127.0.0.1:${port}`,
      dataDir: join(folder, "data"),
      input: join(folder, "photographs"),
      output: join(folder, "inverted"),
    };
    await mkdir(site.input);
    for (const image of images) await copyFile(at("images", image), join(site.input, image));
    const files = [await define("bridge.json"), await define("invert.json")];
    const program = at("dist/clients/typescript/supervise/main.js");
    const args = [program, "--bridge", own.address, "--end-tasks", ...files];
    supervisor = cleanup.use(await startProcess({ command: process.execPath, args }));
  });

  /** Writes a definition as editors do: all at once. */
  async function define(file: string, change: (app: MarathonApp) => MarathonApp = (app) => app): Promise<string> {
    const path = join(folder, file);
    await writeFile(`${path}.new`, JSON.stringify(change(deployFor("marathon", file, site) as MarathonApp)));
    await rename(`${path}.new`, path);
    return path;
  }

  const bridges = () => processesOf(at("dist/server/main.js"), site.dataDir);

  it("invert a batch through a bridge that is killed, and that is replaced when its definition changes", async () => {
    await supervisor.logged(/mesos-bridge\.0 passes its health check/, PATIENCE);
    const [first = -1] = bridges();
    process.kill(first, "SIGKILL");
    await supervisor.logged(/mesos-bridge\.0 has ended: TASK_FAILED/);
    await supervisor.logged(/photographs_invert\.0 has ended: TASK_FINISHED/, PATIENCE);
    const gallery = readFileSync(join(site.output, "index.html"), "utf8");
    expect(gallery).toContain(`${images.length} of ${images.length} images inverted`);

    await eventually(() => bridges().length === 1, { what: "the bridge after the crash", ...PATIENCE });
    const before = bridges();
    await define("bridge.json", (app) => ({ ...app, args: [...app.args, "--log-level", "debug"] }));
    await supervisor.logged(/mesos-bridge\.0 is killed/);
    await eventually(() => bridges().length === 1 && bridges()[0] !== before[0], {
      what: "the new bridge",
      ...PATIENCE,
    });
    await supervisor.logged(/mesos-bridge\.0 is killed(.*\n)+.*mesos-bridge\.0 passes its health check/, PATIENCE);
  }, 180_000);
});
