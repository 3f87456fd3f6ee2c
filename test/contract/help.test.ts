import { describe, expect, test } from "vitest";
import { describeEachMesos } from "../support/cluster.js";
import { getJson, send } from "../support/http.js";

interface Help {
  readonly processes: { readonly id: string; readonly endpoints: { readonly name: string; readonly text: string }[] }[];
}

const MASTER = ["api/v1", "api/v1/scheduler", "state", "reserve", "create-volumes", "maintenance/schedule"];
const AGENT = ["api/v1/executor", "containers", "flags", "monitor/statistics", "state"];

/** The help that a server gives on its endpoints. */
describeEachMesos("help", {}, (mesos) => {
  /** The agent's own server; it is the master's on a real one. */
  async function agent(): Promise<string> {
    const { slaves } = (await getJson(`${mesos().master}/slaves`)) as { slaves: { pid: string }[] };
    return `http://${slaves[0]?.pid.split("@")[1]}`;
  }

  async function get(server: string, path: string) {
    const { status, headers, text } = await send(`${server}${path}`, { method: "GET" });
    return { status, type: headers["content-type"], text };
  }

  const parts = ["files", "files/browse", "metrics", "metrics/snapshot", "version", "system/stats.json"];
  const pages = ["/help", "/help/", ...parts.map((part) => `/help/${part}`)];

  describe.each([
    ["a master", () => Promise.resolve(mesos().master), "master", MASTER],
    ["an agent", agent, "slave(1)", AGENT],
  ] as const)("%s", (_name, server, id, endpoints) => {
    test.each([...pages, `/help/${id}`, `/help/${id}/`, ...endpoints.map((name) => `/help/${id}/${name}`)])(
      "%s is a page",
      async (path) => {
        const { status, type, text } = await get(await server(), path);
        expect([status, type]).toEqual([200, "text/html"]);
        expect(text).toContain("<title>Help</title>");
      },
    );

    test("the pages name what there is", async () => {
      expect((await get(await server(), "/help")).text).toContain(`/help/${id}`.slice(1));
      const { text } = await get(await server(), `/help/${id}`);
      for (const name of endpoints) expect(text).toContain(`/${id}/${name}`);
      const { text: state } = await get(await server(), `/help/${id}/state`);
      expect(state).toContain(`/${id}/state`);
      expect(state).toContain("### TL;DR; ###");
    });

    test("as JSON, all of it", async () => {
      const answer = await get(await server(), "/help?format=json");
      expect([answer.status, answer.type]).toEqual([200, "application/json"]);
      const { processes } = JSON.parse(answer.text) as Help;
      expect(processes.map((each) => each.id)).toEqual(expect.arrayContaining(["files", id, "system", "version"]));
      const own = processes.find((each) => each.id === id)?.endpoints ?? [];
      expect(own.map(({ name }) => name)).toEqual(expect.arrayContaining(endpoints.map((name) => `/${name}`)));
      const health = own.find(({ name }) => name === "/health")?.text;
      const summary = id === "master" ? "Health status of the Master." : "Health check of the Agent.";
      expect(health).toContain(`>        /${id}/health\n\n### TL;DR; ###\n${summary}\n`);
      const browse = processes.find((each) => each.id === "files")?.endpoints.find(({ name }) => name === "/browse");
      expect(browse?.text).toContain("### USAGE ###\n>        /files/browse\n\n### TL;DR; ###\nReturns a file listing");
      const [version] = processes.find((each) => each.id === "version")?.endpoints ?? [];
      expect([version?.name, version?.text.split("\n")[1]]).toEqual(["/", ">        /version"]);
    });

    test("an unknown endpoint and an unknown part", async () => {
      const text = "text/plain; charset=utf-8";
      expect(await get(await server(), `/help/${id}/nope`)).toEqual({
        status: 400,
        type: text,
        text: `No help available for '/${id}/nope'.\n`,
      });
      expect(await get(await server(), "/help/nope")).toEqual({ status: 404, type: text, text: "404 Not Found." });
      expect(await get(await server(), `/help/${id}/constructor`)).toMatchObject({ status: 400 });
    });
  });
});
