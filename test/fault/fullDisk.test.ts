import { spawnSync } from "node:child_process";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, describe, expect, test } from "vitest";
import { AnsweringMaster } from "../support/answeringMaster.js";
import { startBridge } from "../support/bridge.js";
import { BridgeScheduler } from "../support/bridgeScheduler.js";
import { Cleanup } from "../support/cleanup.js";
import { frameworkInfo, unique } from "../support/messages.js";

/** A file system of its own, as small as a database's first pages; undefined where that needs more rights than the test has. */
async function smallDisk(cleanup: Cleanup): Promise<string | undefined> {
  const folder = join(await cleanup.tempDir(), "disk");
  mkdirSync(folder);
  if (spawnSync("mount", ["-t", "tmpfs", "-o", "size=1m", "tmpfs", folder]).status !== 0) return undefined;
  cleanup.defer(() => {
    spawnSync("umount", ["-l", folder]);
  });
  return folder;
}

describe("a data directory on a full disk", () => {
  const cleanup = new Cleanup();
  afterEach(() => cleanup.run());

  test("what can't be remembered is refused, what runs goes on, and all is well once there is room", async ({
    skip,
  }) => {
    const disk = await smallDisk(cleanup);
    if (disk === undefined) return skip("a tmpfs can't be mounted here");
    const master = cleanup.use(await AnsweringMaster.start());
    const bridge = cleanup.use(await startBridge({ master: master.host, dataDir: join(disk, "data") }));
    const before = await cleanup.use(await BridgeScheduler.attach(bridge.address)).linked();
    const filler = join(disk, "filler");
    fill(filler);
    const large = { ...frameworkInfo(), hostname: "h".repeat(200_000) };
    const refused = cleanup.use(
      BridgeScheduler.start(bridge.address, { frameworkName: unique("large"), frameworkInfo: large }),
    );
    expect(await refused.stream.ending()).toMatchObject({ code: "UNAVAILABLE", reason: "STORE_UNAVAILABLE" });
    // The session that was there before works on.
    await before.ok("reviveOffers");
    rmSync(filler);
    const frameworkName = unique("room");
    const after = cleanup.use(await BridgeScheduler.attach(bridge.address, { frameworkName, frameworkInfo: large }));
    await after.linked();
  });
});

/** Writes until nothing more fits. */
function fill(file: string): void {
  for (let bytes = 1024 * 1024; bytes >= 4096; bytes /= 2) {
    try {
      for (;;) writeFileSync(file, Buffer.alloc(bytes), { flag: "a" });
    } catch {
      // Full for pieces of this size: smaller ones may still fit.
    }
  }
}
