import { statfs } from "node:fs/promises";
import { cpus, totalmem } from "node:os";
import { expect, test } from "vitest";
import { describeEachMesos } from "../support/cluster.js";
import { getJson } from "../support/http.js";

const MEGABYTE = 1024 * 1024;

interface AgentModel {
  readonly resources: Record<string, number | string>;
  readonly reserved_resources: Record<string, Record<string, number | string>>;
  readonly unreserved_resources: Record<string, number | string>;
}

/** What an agent has that is told of some resources: all but a part of the machine. */
async function machine(workDir: string): Promise<Record<string, number | string>> {
  const { blocks, bsize } = await statfs(workDir);
  const all = (bytes: number, sparedMb: number) =>
    Math.floor((bytes >= 2 * sparedMb * MEGABYTE ? bytes - sparedMb * MEGABYTE : bytes / 2) / MEGABYTE);
  return {
    cpus: cpus().length,
    mem: all(totalmem(), 1024),
    disk: all(blocks * bsize, 5120),
    ports: "[31000-32000]",
    gpus: 0,
  };
}

const cases: [named: string, instead: Record<string, number | string>, reserved?: Record<string, number | string>][] = [
  ["", {}],
  ["cpus:4", { cpus: 4 }],
  ["mem:100;disk:5", { mem: 100, disk: 5 }],
  ["cpus:0", { cpus: 0 }],
  ["ports:[1-2];things:{a,b}", { ports: "[1-2]", things: "{a, b}" }],
  ["cpus(r):4;disk(r):7", { cpus: 4, disk: 7 }, { cpus: 4, disk: 7, mem: 0, gpus: 0 }],
];

for (const [named, instead, reserved] of cases) {
  describeEachMesos(`an agent with resources '${named}'`, { resources: named }, (mesos) => {
    test("has the machine's where none are named", async () => {
      const { master, workDir } = mesos();
      const { slaves } = (await getJson(`${master}/slaves`)) as { slaves: AgentModel[] };
      expect(slaves.map(({ resources }) => resources)).toEqual([{ ...(await machine(workDir)), ...instead }]);
      expect(slaves[0]?.reserved_resources).toEqual(reserved ? { r: reserved } : {});
    });
  });
}
