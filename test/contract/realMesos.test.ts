import { spawn } from "node:child_process";
import { once } from "node:events";
import { expect, onTestFinished, test } from "vitest";
import { Cleanup } from "../support/cleanup.js";
import { getJson } from "../support/http.js";
import { at } from "../support/paths.js";
import { realMesosMissing } from "../support/realMesos.js";

const missing = realMesosMissing();

/** Who starts a cluster often reads no further than its ready line, and must not end it by that. */
test.runIf(missing === undefined || process.env.CI === "true")(
  "a real Mesos says in one piece that it is ready, and needs no reader then",
  async () => {
    if (missing !== undefined) throw new Error(missing);
    const cleanup = new Cleanup();
    onTestFinished(() => cleanup.run());
    const workDir = await cleanup.tempDir();
    const child = spawn(at("test/real-mesos/run"), ["--port", "0", "--work-dir", workDir], {
      env: { ...process.env, PYTHONUNBUFFERED: "1" },
      stdio: ["ignore", "pipe", "inherit"],
    });
    const exited = once(child, "exit");
    cleanup.defer(async () => {
      child.kill();
      await exited;
    });
    const [first] = (await once(child.stdout, "data")) as [Buffer];
    child.stdout.destroy();
    expect(first.toString()).toMatch(/^ready http:\/\/127\.0\.0\.1:\d+\n$/);
    const master = first.toString().trim().replace("ready ", "");
    expect(await getJson(`${master}/metrics/snapshot`)).toMatchObject({ "master/slaves_active": 1 });
    child.kill();
    expect(await exited).toEqual([0, null]);
  },
);
