import { describe, expect, it } from "vitest";
import { agentOf } from "../../../../clients/typescript/library/placement.js";
import { type App, parseApps } from "../../../../clients/typescript/supervise/app.js";
import { place, taskInfo } from "../../../../clients/typescript/supervise/launch.js";
import { newTask, type Task } from "../../../../clients/typescript/supervise/plan.js";
import { Offer, Value_Type } from "../../../../gen/mesos/v1/mesos.js";

const scalar = (name: string, value: number) => ({ name, type: Value_Type.SCALAR, scalar: { value } });

function offer(agent: string, rack: string | undefined, cpus = 4): Offer {
  return Offer.fromPartial({
    id: { value: `offer-${agent}` },
    agentId: { value: agent },
    hostname: `host-${agent}`,
    attributes: rack === undefined ? [] : [{ name: "rack", type: Value_Type.TEXT, text: { value: rack } }],
    resources: [scalar("cpus", cpus), scalar("mem", 1024), scalar("disk", 100)],
  });
}

function appOf(more: object = {}): App {
  const json = JSON.stringify([{ id: "web", cmd: "sleep 1", instances: 9, ...more }]);
  const [app] = parseApps(new Map([["apps.json", json]]));
  if (app === undefined) throw new Error("no app");
  return app;
}

/** Where so many instances go: the agents; and why the next one waits. */
function placed(app: App, count: number, offers: readonly Offer[], tasks: readonly Task[] = []) {
  const wanted = Array.from({ length: count }, (_, i) => ({ app, index: i + 100 }));
  const agents = new Map(offers.map((each) => [each.agentId?.value ?? "", agentOf(each)]));
  const { placed, waits } = place(wanted, offers, tasks, agents, 1);
  const where = [...placed.values()].flat().map(({ task }) => task);
  return { agents: where.sort((a, b) => a.index - b.index).map(({ agentId }) => agentId), waits: waits.get("web") };
}

describe("a place for an instance", () => {
  const three = [offer("a", "r1"), offer("b", "r2"), offer("c", "r2")];

  it("is where fewest are", () => {
    const app = appOf();
    const { agents } = placed(app, 4, three, [newTask(app, 0, "a", 1)]);
    expect(agents).toEqual(["b", "c", "a", "b"]);
  });

  it("has its cpus, memory and disk", () => {
    expect(placed(appOf({ cpus: 3 }), 2, [offer("a", "r")])).toEqual({
      agents: ["a"],
      waits: "apps.json: [0].cpus: no offer has 3 CPUs, 128 MB of memory and 0 MB of disk",
    });
    expect(placed(appOf({ disk: 60 }), 2, [offer("a", "r")]).agents).toEqual(["a"]);
  });

  it("is on a host of its own, if that is wanted", () => {
    expect(placed(appOf({ constraints: [["hostname", "UNIQUE"]] }), 4, three)).toEqual({
      agents: ["a", "b", "c"],
      waits: "apps.json: [0].constraints[0]: no agent that has room meets hostname UNIQUE",
    });
  });

  it("has a value of its own of an attribute", () => {
    expect(placed(appOf({ constraints: [["rack", "UNIQUE"]] }), 3, [...three, offer("d", undefined)]).agents).toEqual([
      "a",
      "b",
    ]);
  });

  it("has the value that is given, or that of the first", () => {
    expect(placed(appOf({ constraints: [["rack", "CLUSTER", "r2"]] }), 3, three).agents).toEqual(["b", "c", "b"]);
    expect(placed(appOf({ constraints: [["rack", "CLUSTER"]] }), 3, three).agents).toEqual(["a", "a", "a"]);
    const none = placed(
      appOf({
        constraints: [
          ["hostname", "UNIQUE"],
          ["rack", "CLUSTER", "r9"],
        ],
      }),
      1,
      three,
    );
    expect(none.waits).toBe("apps.json: [0].constraints[1]: no agent that has room meets rack CLUSTER r9");
  });

  it("is spread over groups, and waits for as many groups as are given", () => {
    expect(placed(appOf({ constraints: [["rack", "GROUP_BY"]] }), 4, three).agents).toEqual(["a", "b", "c", "a"]);
    expect(placed(appOf({ constraints: [["rack", "GROUP_BY", "3"]] }), 4, three)).toMatchObject({ agents: ["a", "b"] });
  });

  it("does not count the tasks of another version: they are to be replaced", () => {
    const app = appOf({ constraints: [["hostname", "UNIQUE"]] });
    const before = { ...newTask(app, 0, "a", 1), hash: "00000000" };
    expect(placed(app, 3, three, [before]).agents).toEqual(["a", "b", "c"]);
  });
});

describe("the task of an instance", () => {
  function infoOf(more: object) {
    const app = appOf(more);
    return taskInfo({ app, task: newTask(app, 0, "a", 1), offer: offer("a", "r"), resources: [] });
  }

  it("runs a shell command, or a program with arguments", () => {
    expect(infoOf({}).command).toMatchObject({ shell: true, value: "sleep 1" });
    const command = { shell: false, value: "sleep", arguments: ["sleep", "1"] };
    expect(infoOf({ cmd: undefined, args: ["sleep", "1"] }).command).toMatchObject(command);
  });

  it("has its environment, what it fetches, its grace period and its health check", () => {
    const check = { intervalSeconds: 2, maxConsecutiveFailures: 5 };
    const info = infoOf({
      env: { A: "1" },
      fetch: [{ uri: "http://a/b", destPath: "c" }],
      taskKillGracePeriodSeconds: 1.5,
      healthChecks: [{ protocol: "HTTP", path: "/up", port: 81, ...check }],
    });
    expect(info.command?.environment?.variables).toEqual([{ name: "A", value: "1" }]);
    expect(info.command?.uris).toMatchObject([{ value: "http://a/b", outputFile: "c", extract: true }]);
    expect(info.killPolicy?.gracePeriod?.nanoseconds).toBe(1_500_000_000n);
    const http = { scheme: "http", port: 81, path: "/up" };
    expect(info.healthCheck).toMatchObject({
      http,
      intervalSeconds: 2,
      consecutiveFailures: 5,
      gracePeriodSeconds: 300,
    });
  });
});
