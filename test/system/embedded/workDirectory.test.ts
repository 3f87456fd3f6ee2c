import { existsSync } from "node:fs";
import { mkdir, readdir, readFile, rename, rm, symlink, unlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { startEmbeddedCluster } from "../../../embedded/cluster.js";
import { cluster, lock, temporaryDirectory } from "../../unit/embedded/support/cluster.js";
import { commandTask, Scheduler } from "../../unit/embedded/support/peer.js";

describe("the work directory of an embedded cluster", () => {
  const names = ["master", "agent-1", "agent-2"];

  test.each([
    { keep: false, taken: "agent-1" },
    { keep: false, taken: "agent-2" },
    { keep: true, taken: "agent-2" },
    { keep: true, taken: "master" },
  ])("a folder $taken that it did not make stays, and the start is refused, keep: $keep", async ({ keep, taken }) => {
    const workDir = await temporaryDirectory();
    await mkdir(join(workDir, taken, "empty"), { recursive: true });
    await writeFile(join(workDir, taken, "thesis.txt"), "years of work");
    await expect(startEmbeddedCluster({ workDir, lock, agents: 2, keep })).rejects.toThrow(
      `the work directory ${workDir} can't be used: 'mesos-bridge local' did not make ${join(workDir, taken)}: ` +
        "move it away, or use another directory",
    );
    expect(await readFile(join(workDir, taken, "thesis.txt"), "utf8")).toBe("years of work");
    expect((await readdir(join(workDir, taken))).sort()).toEqual(["empty", "thesis.txt"]);
    expect(names.filter((name) => existsSync(join(workDir, name)))).toEqual([taken]);
    // It is not in use any more.
    await rm(join(workDir, taken), { recursive: true });
    await cluster({ workDir, agents: 2, keep });
  });

  test("what it did not make stays under names that it does not need", async () => {
    const workDir = await temporaryDirectory();
    const theirs = ["master", "agent-2", "agent-x", "agents", "notes"];
    for (const name of theirs) {
      await mkdir(join(workDir, name));
      await writeFile(join(workDir, name, "file"), "theirs");
    }
    for (let run = 0; run < 2; run++) {
      const running = await cluster({ workDir });
      await running.close();
    }
    for (const name of theirs) expect(await readFile(join(workDir, name, "file"), "utf8")).toBe("theirs");
  });

  test("a folder put in the place of its own stays", async () => {
    const workDir = await temporaryDirectory();
    await (await cluster({ workDir, keep: true })).close();
    for (const name of ["master", "agent-1"]) {
      await rm(join(workDir, name), { recursive: true });
      await mkdir(join(workDir, name));
      await writeFile(join(workDir, name, "file"), "theirs");
    }
    await expect(startEmbeddedCluster({ workDir, lock })).rejects.toThrow("did not make");
    for (const name of ["master", "agent-1"])
      expect(await readFile(join(workDir, name, "file"), "utf8")).toBe("theirs");
  });

  test("a file and a link under one of its names stay", async () => {
    const workDir = await temporaryDirectory();
    const elsewhere = await temporaryDirectory();
    await (await cluster({ workDir: elsewhere })).close();
    await writeFile(join(elsewhere, "agent-1/file"), "theirs");
    // Also a link to a folder that a cluster made: another cluster may run there.
    await symlink(join(elsewhere, "agent-1"), join(workDir, "agent-1"));
    await expect(startEmbeddedCluster({ workDir, lock })).rejects.toThrow("did not make");
    expect(await readFile(join(workDir, "agent-1/file"), "utf8")).toBe("theirs");
    await unlink(join(workDir, "agent-1"));
    await writeFile(join(workDir, "agent-1"), "theirs");
    await expect(startEmbeddedCluster({ workDir, lock })).rejects.toThrow("did not make");
    expect(await readFile(join(workDir, "agent-1"), "utf8")).toBe("theirs");
  });

  test("what it made is removed at the next start, also of agents that there are no more", async () => {
    const workDir = await temporaryDirectory();
    await (await cluster({ workDir, agents: 2, keep: true })).close();
    await writeFile(join(workDir, "agent-1/left"), "");
    await cluster({ workDir });
    expect(names.filter((name) => existsSync(join(workDir, name)))).toEqual(["agent-1"]);
    expect(existsSync(join(workDir, "agent-1/left"))).toBe(false);
  });

  test("a removal that was cut short is finished", async () => {
    const workDir = await temporaryDirectory();
    await (await cluster({ workDir })).close();
    const removed = join(workDir, ".mesos-bridge-local/removed");
    await mkdir(removed);
    await rename(join(workDir, "agent-1"), join(removed, "agent-1"));
    await cluster({ workDir, keep: true });
    expect(existsSync(removed)).toBe(false);
  });

  test.each([{ keep: false }, { keep: true }])(
    "a second cluster is refused while one runs, keep: $keep",
    async ({ keep }) => {
      const workDir = await temporaryDirectory();
      const first = await cluster({ workDir, flags: { allocation_interval: "50ms" } });
      const scheduler = await Scheduler.subscribe(first.url);
      const offer = await scheduler.offer();
      await scheduler.launch(offer, commandTask(offer, "t", "echo alive > sign; exec sleep 1000"));
      await scheduler.update("t");
      await scheduler.update("t");
      const sandbox = join(workDir, "agent-1/slaves", offer.agent_id.value, "frameworks", scheduler.frameworkId);
      const sign = join(sandbox, "executors/t/runs/latest/sign");
      await expect.poll(() => existsSync(sign)).toBe(true);
      const linked = join(await temporaryDirectory(), "link");
      await symlink(workDir, linked);
      for (const path of [workDir, linked]) {
        await expect(startEmbeddedCluster({ workDir: path, lock, agents: 2, keep })).rejects.toThrow(
          new RegExp(
            `^the work directory ${path} can't be used: \\S+ is in use by 'mesos-bridge local' \\(process ${process.pid}, ` +
              "since .*\\): stop it first, or use another directory$",
          ),
        );
      }
      expect(await readFile(sign, "utf8")).toBe("alive\n");
      expect(existsSync(join(workDir, "agent-2"))).toBe(false);
      await first.close();
      await cluster({ workDir });
    },
  );
});
