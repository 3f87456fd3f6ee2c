import { expect, test } from "vitest";
import { describeEachMesos } from "../support/cluster.js";
import { eventually } from "../support/eventually.js";
import { getJson, send } from "../support/http.js";
import { frameworkInfo } from "../support/messages.js";
import { MesosScheduler } from "../support/scheduler.js";

const LEVELS = "supported units are 'ns', 'us', 'ms', 'secs', 'mins', 'hrs', 'days', and 'weeks'";

/** What a person with curl meets beside the paths that are meant. */
describeEachMesos("paths and queries", {}, (mesos) => {
  const ask = async (path: string, method = "GET", body = "") => {
    const { status, text } = await send(mesos().master + path, { method, ...(method === "POST" && { body }) });
    return { status, text };
  };
  async function agentUrl(): Promise<string> {
    const { slaves } = (await getJson(`${mesos().master}/slaves`)) as { slaves: { pid: string }[] };
    const [id, address] = slaves[0]?.pid.split("@") ?? [];
    return `http://${address}/${id}`;
  }

  test.each([
    "/state/",
    "/state/x",
    "/state//x/y",
    "//state",
    "/master//state",
    "/master/state/",
    "/%6daster/state",
    "/slaves/x",
    "/tasks/a?limit=1",
    "/metrics/snapshot/x",
    "/metrics//snapshot",
    "/system/stats.json/x",
    "/files/debug/",
    "/maintenance/schedule/x",
    "/version/",
  ])("%s is what lies above it", async (path) => {
    expect(await ask(path)).toMatchObject({ status: 200, text: expect.stringMatching(/^\{/) });
  });

  test.each([
    "/%73tate",
    "/state%2fx",
    "/state;x",
    "/stat",
    "/version/x",
    "/metrics/x",
    "/master",
    "/master/metrics/snapshot",
  ])("%s is nothing", async (path) => {
    expect(await ask(path)).toEqual({ status: 404, text: "404 Not Found." });
  });

  test("an agent's paths are found the same way", async () => {
    const agent = await agentUrl();
    for (const path of ["/state/", "/state/x", "/flags/x"]) expect(await getJson(agent + path)).toBeTypeOf("object");
    expect(await getJson(`${agent}/containers/x`)).toEqual([]);
    expect(await send(`${agent}/api/v1/executor/x`, { method: "GET" })).toMatchObject({ status: 405 });
    expect(await send(`${agent}/state.json`, { method: "GET" })).toMatchObject({ status: 404 });
  });

  test.each([
    "/state",
    "/slaves",
    "/frameworks",
    "/tasks",
    "/flags",
    "/version",
    "/state-summary",
    "/system/stats.json",
  ])("%s as JSONP", async (path) => {
    const { status, headers, text } = await send(`${mesos().master}${path}?jsonp=call`, { method: "GET" });
    expect({ status, type: headers["content-type"] }).toEqual({ status: 200, type: "text/javascript" });
    expect(text).toMatch(/^call\(\{.*\}\)$/s);
    expect((await ask(`${path}?jsonp=`)).text).toMatch(/^\(\{.*\}\)$/s);
  });

  test("JSONP of an agent, and what has none", async () => {
    const agent = await agentUrl();
    expect((await send(`${agent}/containers?jsonp=f`, { method: "GET" })).text).toBe("f([])");
    expect((await ask("/metrics/snapshot?jsonp=f")).text).toMatch(/^f\(\{/);
    expect((await ask("/logging/toggle?jsonp=f")).text).toMatch(/^\d\n$/);
  });

  test("of a parameter that is there twice the last one counts", async () => {
    const { slaves } = (await getJson(`${mesos().master}/slaves`)) as { slaves: { id: string }[] };
    const twice = (first = "", last = "") => getJson(`${mesos().master}/slaves?slave_id=${first}&slave_id=${last}`);
    expect(await twice("x", slaves[0]?.id)).toMatchObject({ slaves: [{ id: slaves[0]?.id }] });
    expect(await twice(slaves[0]?.id, "x")).toMatchObject({ slaves: [] });
  });

  test.each([
    ["/logging/toggle?level=1", "Expecting 'duration=value' in query.\n"],
    ["/logging/toggle?duration=1secs", "Expecting 'level=value' in query.\n"],
    ["/logging/toggle?level=x&duration=1secs", "Failed to convert 'x' to number.\n"],
    ["/logging/toggle?level=1.5&duration=1secs", "Failed to convert '1.5' to number.\n"],
    ["/logging/toggle?level=-1&duration=1secs", "Invalid level '-1'.\n"],
    ["/logging/toggle?level=0&duration=x", "Failed to convert '' to number.\n"],
    ["/logging/toggle?level=1&duration=", "Invalid duration ''.\n"],
    ["/logging/toggle?level=1&duration=5", "Invalid duration '5'.\n"],
    ["/logging/toggle?level=1&duration=5x", `Unknown duration unit 'x'; ${LEVELS}.\n`],
    ["/metrics/snapshot?timeout=5", "Invalid timeout '5': Invalid duration '5'.\n"],
    ["/metrics/snapshot?timeout=-1secs", "Invalid timeout '-1secs': Failed to convert '' to number.\n"],
    ["/metrics/snapshot?timeout=1x", `Invalid timeout '1x': Unknown duration unit 'x'; ${LEVELS}.\n`],
    ["/profiler/start", "Perftools is disabled. To enable perftools, configure libprocess with --enable-perftools.\n"],
  ])("%s is refused", async (path, text) => {
    expect(await ask(path)).toEqual({ status: 400, text });
  });

  test("the level of logging is set for a while", async () => {
    expect(await ask("/logging/toggle?level=2&duration=1secs")).toEqual({ status: 200, text: "" });
    const call = (body: object) =>
      send(`${mesos().master}/api/v1`, { headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) });
    const level = async () => JSON.parse((await call({ type: "GET_LOGGING_LEVEL" })).text).get_logging_level.level;
    expect(await level()).toBe(2);
    await eventually(async () => (await level()) === 0, { what: "the end of level 2" });
    const set_logging_level = { level: 1, duration: { nanoseconds: 1_000_000_000 } };
    expect(await call({ type: "SET_LOGGING_LEVEL", set_logging_level })).toMatchObject({ status: 200, text: "" });
    expect(await ask("/logging/toggle")).toEqual({ status: 200, text: "1\n" });
    await eventually(async () => (await ask("/logging/toggle")).text === "0\n", { what: "the end of level 1" });
  });

  test("a master has no files", async () => {
    for (const body of [
      { type: "LIST_FILES", list_files: { path: "/etc" } },
      { type: "READ_FILE", read_file: { path: "/etc/hostname", offset: 0 } },
    ]) {
      const headers = { "Content-Type": "application/json" };
      const answer = await send(`${mesos().master}/api/v1`, { headers, body: JSON.stringify(body) });
      expect(answer).toMatchObject({ status: 404, text: "" });
    }
  });

  test.each([
    ["", "Missing 'frameworkId' query parameter in the request body"],
    ["x", "Missing 'frameworkId' query parameter in the request body"],
    ['{"frameworkId":"x"}', "Missing 'frameworkId' query parameter in the request body"],
    ["frameworkId", "No framework found with specified ID"],
    ["frameworkId=x", "No framework found with specified ID"],
    ["frameworkId=%7", "Unable to decode query string: Malformed % escape in '%7': '%7'"],
  ])("/teardown of '%s' is refused", async (body, text) => {
    expect(await ask("/teardown", "POST", body)).toEqual({ status: 400, text });
  });

  test("/teardown ends a framework", async () => {
    expect(await ask("/teardown")).toMatchObject({ status: 405 });
    const scheduler = new MesosScheduler(mesos());
    const { frameworkId } = await scheduler.subscribe(frameworkInfo());
    expect(await ask("/master/teardown", "POST", `frameworkId=${frameworkId?.value}`)).toEqual({
      status: 200,
      text: "",
    });
    await scheduler.stream.ended;
    const { text } = await ask(`/frameworks?framework_id=${frameworkId?.value}`);
    expect(JSON.parse(text)).toMatchObject({ frameworks: [], completed_frameworks: [{ active: false }] });
    scheduler.stop();
  });
});
