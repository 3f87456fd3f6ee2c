import { connect } from "node:net";
import { gzipSync } from "node:zlib";
import { describe, expect, test } from "vitest";
import { Call, Call_Type, Event } from "../../../gen/mesos/v1/scheduler/scheduler.js";
import { RecordReader } from "../../../wire/recordio.js";
import { cluster } from "./support/cluster.js";
import { ManualClock } from "./support/manualClock.js";
import { EventReader, http, Scheduler } from "./support/peer.js";

const PATH = "/api/v1/scheduler";
const subscribe = { type: "SUBSCRIBE", subscribe: { framework_info: { user: "u", name: "n" } } };
const revive = { type: "REVIVE", framework_id: { value: "x" } };
const acknowledge = (uuid: string) => ({
  type: "ACKNOWLEDGE",
  framework_id: { value: "x" },
  acknowledge: { agent_id: { value: "a" }, task_id: { value: "t" }, uuid },
});

describe("POST /api/v1/scheduler", () => {
  test("refuses in Mesos's order and words", async () => {
    const { url } = await cluster();
    const cases: Array<[object | string, Record<string, string>, number, string]> = [
      [
        subscribe,
        { "Content-Type": "application/json; charset=utf-8" },
        415,
        "Expecting 'Content-Type' of application/json or application/x-protobuf",
      ],
      ["garbage", {}, 400, "Failed to parse body into JSON: syntax error at line 1 near: garbage"],
      [{}, {}, 400, "Failed to validate scheduler::Call: Expecting 'type' to be present"],
      [{ type: "SUBSCRIBE" }, {}, 400, "Failed to validate scheduler::Call: Expecting 'subscribe' to be present"],
      [{ type: "REVIVE" }, {}, 400, "Failed to validate scheduler::Call: Expecting 'framework_id' to be present"],
      [{ ...revive, type: "KILL" }, {}, 400, "Failed to validate scheduler::Call: Expecting 'kill' to be present"],
      [acknowledge("AAAA"), {}, 400, "Failed to validate scheduler::Call: Not a valid UUID"],
      [acknowledge("AAAAAAAAAAAAAAAAAAAAAA=="), {}, 400, "Failed to validate scheduler::Call: Not a valid UUID"],
      [
        subscribe,
        { Accept: "text/html", "Mesos-Stream-Id": "x" },
        406,
        "Expecting 'Accept' to allow 'application/x-protobuf' or 'application/json'",
      ],
      [subscribe, { "Mesos-Stream-Id": "x" }, 400, "Subscribe calls should not include the 'Mesos-Stream-Id' header"],
      [revive, {}, 400, "Framework cannot be found"],
    ];
    for (const [body, headers, status, text] of cases) {
      expect(await http(url + PATH, body, { headers })).toMatchObject({ status, body: text });
    }
    const get = await http(url + PATH, "", { method: "GET" });
    expect(get).toMatchObject({ status: 405, headers: { allow: "POST" } });
    expect(get.body).toBe("405 Method Not Allowed. Expecting one of { 'POST' }, but received 'GET'.");
    expect(await http(`${url}/nope`)).toMatchObject({ status: 404, body: "404 Not Found." });
  });

  test("a call needs the stream id of the subscription", async () => {
    const { url } = await cluster();
    const scheduler = await Scheduler.subscribe(url);
    const call = { type: "REVIVE", framework_id: { value: scheduler.frameworkId } };
    expect((await http(url + PATH, call)).body).toBe(
      "All non-subscribe calls should include the 'Mesos-Stream-Id' header",
    );
    expect((await http(url + PATH, call, { headers: { "Mesos-Stream-Id": "x" } })).body).toBe(
      `The stream ID 'x' included in this request didn't match the stream ID currently associated with framework ID ${scheduler.frameworkId}`,
    );
    expect(await scheduler.call("REVIVE")).toMatchObject({ status: 202, body: "" });
    expect(await scheduler.call("UNKNOWN")).toMatchObject({ status: 501 });
  });

  test("speaks protobuf both ways, and takes a gzipped body", async () => {
    const { url } = await cluster();
    const call = Call.fromPartial({
      type: Call_Type.SUBSCRIBE,
      subscribe: { frameworkInfo: { user: "u", name: "n" } },
    });
    const body = gzipSync(Call.encode(call).finish());
    const response = await fetch(url + PATH, {
      method: "POST",
      headers: {
        "Content-Type": "application/x-protobuf",
        Accept: "application/x-protobuf",
        "Content-Encoding": "gzip",
      },
      body: new Uint8Array(body),
    });
    expect(response.headers.get("content-type")).toBe("application/x-protobuf");
    const first = await new Promise<Event>((resolve, reject) => {
      const records = new RecordReader();
      const read = async () => {
        for await (const chunk of response.body ?? []) {
          records.push(chunk as Uint8Array, (record) => resolve(Event.decode(record)));
        }
      };
      read().catch(reject);
    });
    expect(first.subscribed?.masterInfo?.version).toBe("1.11.0");
  });

  test("answers pipelined requests in their order", async () => {
    const { url } = await cluster();
    const scheduler = await Scheduler.subscribe(url);
    const request = (type: string) => {
      const body = JSON.stringify({ type, framework_id: { value: scheduler.frameworkId } });
      return `POST ${PATH} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nMesos-Stream-Id: ${scheduler.streamId}\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
    };
    const socket = connect(Number(new URL(url).port), "127.0.0.1");
    const text = await new Promise<string>((resolve) => {
      let received = "";
      socket.on("data", (chunk) => {
        received += chunk;
        if (received.split("HTTP/1.1 ").length === 5) resolve(received);
      });
      socket.write(["SUPPRESS", "UNKNOWN", "REVIVE", "TEARDOWN"].map(request).join(""));
    });
    socket.destroy();
    expect([...text.matchAll(/HTTP\/1\.1 (\d+)/g)].map((match) => match[1])).toEqual(["202", "501", "202", "202"]);
  });

  test("authenticates frameworks", async () => {
    const { url } = await cluster({ credentials: [{ principal: "p", secret: "s" }] });
    const basic = (text: string) => ({ Authorization: `Basic ${Buffer.from(text).toString("base64")}` });
    for (const headers of [{}, basic("p:wrong"), basic("q:s"), { Authorization: "Bearer x" }]) {
      const answer = await http(url + PATH, subscribe, { headers });
      expect(answer).toMatchObject({ status: 401, body: "401 Unauthorized." });
      expect(answer.headers["www-authenticate"]).toBe('Basic realm="mesos-master-scheduler"');
    }
    const other = { ...subscribe, subscribe: { framework_info: { user: "u", name: "n", principal: "q" } } };
    expect((await http(url + PATH, other, { headers: basic("p:s") })).body).toContain("does not match principal 'q'");
    const scheduler = await Scheduler.subscribe(url, {}, {}, basic("p:s"));
    expect(await scheduler.call("REVIVE")).toMatchObject({ status: 202 });
  });

  test("a master that isn't the leader sends callers on", async () => {
    const running = await cluster();
    running.standDown({ kind: "redirect", leader: "elsewhere:5050" });
    const answer = await http(`${running.url}${PATH}?a=b`, subscribe);
    expect(answer).toMatchObject({ status: 307, headers: { location: `//elsewhere:5050${PATH}?a=b` } });
    running.standDown({ kind: "unavailable", text: "No leader elected" });
    expect(await http(running.url + PATH, subscribe)).toMatchObject({ status: 503, body: "No leader elected" });
    running.standDown(undefined);
    await Scheduler.subscribe(running.url);
  });
});

describe("subscriptions", () => {
  test("start with SUBSCRIBED and a HEARTBEAT, then one every 15 s", async () => {
    const clock = new ManualClock();
    const { url } = await cluster({ clock, agents: 1 });
    const { events } = await Scheduler.subscribe(url, {}, { suppressed_roles: ["*"] });
    await events.next("HEARTBEAT");
    await clock.advance(14_999);
    expect(events.waiting).toEqual([]);
    await clock.advance(1);
    await events.next("HEARTBEAT");
  });

  test.each([
    [
      { roles: ["a b"], capabilities: [{ type: "MULTI_ROLE" }] },
      "'FrameworkInfo.roles' contains invalid role: Role component 'a b' is invalid because it contains backspace or whitespace",
    ],
    [{ roles: ["a"] }, "'FrameworkInfo.roles' must not be set when the framework is not MULTI_ROLE capable"],
    [{ failover_timeout: 1e12 }, "The framework failover_timeout (1e+12) is invalid"],
    [{ id: { value: "a/b" } }, "'a/b' contains invalid characters"],
  ])("%j is refused with an ERROR and the end of the stream", async (info, message) => {
    const { url } = await cluster();
    const call = {
      ...subscribe,
      framework_id: "id" in info ? info.id : undefined,
      subscribe: { framework_info: { user: "u", name: "n", ...info } },
    };
    const events = await EventReader.open(url + PATH, call);
    expect((await events.next("ERROR")).error.message).toBe(message);
    await events.end();
  });

  test("a second one takes over: the first gets an ERROR, its offers are void without a RESCIND", async () => {
    const { url } = await cluster();
    const info = { failover_timeout: 60 };
    const first = await Scheduler.subscribe(url, info);
    const old = await first.offer();
    const second = await Scheduler.subscribe(url, { ...info, id: { value: first.frameworkId } });
    expect(second.frameworkId).toBe(first.frameworkId);
    expect((await first.events.next("ERROR")).error.message).toBe("Framework failed over");
    await first.events.end();
    expect(first.events.waiting.filter(({ type }) => type === "RESCIND")).toEqual([]);
    expect((await first.call("REVIVE")).status).toBe(400);
    expect((await second.offer()).id).not.toEqual(old.id);
  });

  test("unknown ids are taken, removed ones are not", async () => {
    const { url } = await cluster();
    const scheduler = await Scheduler.subscribe(url, { id: { value: "never-seen" } });
    expect(scheduler.frameworkId).toBe("never-seen");
    expect((await scheduler.call("TEARDOWN")).status).toBe(202);
    await scheduler.events.end();
    expect(scheduler.events.waiting.filter(({ type }) => type === "ERROR")).toEqual([]);
    await expect(Scheduler.subscribe(url, { id: { value: "never-seen" } })).rejects.toThrow(
      "Framework has been removed",
    );
  });

  test("a framework has its failover timeout to come back", async () => {
    const clock = new ManualClock();
    const running = await cluster({ clock });
    const first = await Scheduler.subscribe(running.url, { failover_timeout: 60 });
    const id = { value: first.frameworkId };
    expect(running.dropStream(first.frameworkId)).toBe(true);
    await first.events.end();
    expect(await first.call("REVIVE")).toMatchObject({ status: 403, body: "Framework is not subscribed" });
    await clock.advance(59_000);
    await Scheduler.subscribe(running.url, { id, failover_timeout: 60 });
    await clock.advance(10_000);
    running.dropStream(first.frameworkId);
    await clock.advance(60_000);
    await expect(Scheduler.subscribe(running.url, { id })).rejects.toThrow("Framework has been removed");
  });

  test("UPDATE_FRAMEWORK tells what can't change", async () => {
    const { url } = await cluster();
    const scheduler = await Scheduler.subscribe(url);
    const id = { value: scheduler.frameworkId };
    const update = (info: object) =>
      scheduler.call("UPDATE_FRAMEWORK", {
        update_framework: { framework_info: { user: "root", name: "test", id, ...info } },
      });
    expect(await update({ name: "other" })).toMatchObject({ status: 200, body: "" });
    expect((await update({ user: "other" })).body).toBe(
      "FrameworkInfo update is not valid: Updating 'FrameworkInfo.user' is unsupported; attempted to update from 'root' to 'other'",
    );
    const offer = await scheduler.offer();
    expect((await update({ role: "r" })).status).toBe(200);
    expect((await scheduler.events.next("RESCIND")).rescind.offer_id).toEqual(offer.id);
  });
});
