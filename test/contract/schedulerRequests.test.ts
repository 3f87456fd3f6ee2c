import { connect } from "node:net";
import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Call_Type } from "../../gen/mesos/v1/scheduler/scheduler.js";
import { Cleanup } from "../support/cleanup.js";
import { describeEachMesos } from "../support/cluster.js";
import { codecs, json, protobuf } from "../support/codec.js";
import { eventually } from "../support/eventually.js";
import { open, type RawAnswer, send } from "../support/http.js";
import { frameworkInfo } from "../support/messages.js";
import { MesosScheduler, type PartialCall, uuid } from "../support/scheduler.js";

/** What /api/v1/scheduler answers to each request, in the order in which Mesos checks it. */
describeEachMesos("requests to the scheduler API", {}, (mesos) => {
  const cleanup = new Cleanup();
  /** A subscribed framework, that the requests may name. */
  let scheduler: MesosScheduler;

  beforeAll(async () => {
    scheduler = cleanup.use(new MesosScheduler(mesos()));
    // It gets no offers, which nobody here would take.
    await scheduler.subscribe(frameworkInfo(), { suppressedRoles: ["*"] });
  });
  afterAll(() => cleanup.run());

  const url = () => `${mesos().master}/api/v1/scheduler`;
  const post = (body: string | Uint8Array, headers: Record<string, string>): Promise<RawAnswer> =>
    send(url(), { body, headers });
  const known = () => ({ frameworkId: { value: scheduler.frameworkId ?? "" } });
  const expectAnswer = ({ status, text }: RawAnswer, expected: { status: number; text: string | RegExp }) => {
    expect({ status, text }).toEqual({
      status: expected.status,
      text: typeof expected.text === "string" ? expected.text : expect.stringMatching(expected.text),
    });
  };

  describe("transport", () => {
    test.each(["GET", "PUT", "DELETE"])("%s is not allowed", async (method) => {
      const answer = await send(url(), { method });
      const text = `405 Method Not Allowed. Expecting one of { 'POST' }, but received '${method}'.`;
      expectAnswer(answer, { status: 405, text });
      expect(answer.headers.allow).toBe("POST");
    });

    test("a body may be compressed", async () => {
      const body = gzipSync(scheduler.encode({ type: Call_Type.REVIVE, ...known() }));
      const headers = { "Content-Type": "application/json", "Content-Encoding": "gzip" };
      const answer = await post(body, { ...headers, "Mesos-Stream-Id": scheduler.streamId ?? "" });
      expectAnswer(answer, { status: 202, text: "" });
    });

    test("an unknown path is not found", async () => {
      const answer = await send(`${mesos().master}/nowhere`, { method: "GET" });
      expectAnswer(answer, { status: 404, text: "404 Not Found." });
    });

    test("the same API answers under /master", async () => {
      const answer = await send(`${mesos().master}/master/api/v1/scheduler`, {});
      expectAnswer(answer, { status: 400, text: "Expecting 'Content-Type' to be present" });
    });

    test("a text answer says what it is, how long it is and when it was made", async () => {
      const { headers, text } = await post("", {});
      expect(headers["content-type"]).toBe("text/plain; charset=utf-8");
      expect(headers["content-length"]).toBe(String(text.length));
      expect(Date.parse(headers.date ?? "")).toBeGreaterThan(Date.now() - 60_000);
    });

    test("no Content-Type", async () => {
      expectAnswer(await post("{}", {}), { status: 400, text: "Expecting 'Content-Type' to be present" });
    });

    test.each([
      "application/unknown",
      "application/json; charset=utf-8",
      "Application/JSON",
      "application/x-protobuf;v=1",
      "text/plain",
    ])("Content-Type %s is not supported", async (type) => {
      const text = "Expecting 'Content-Type' of application/json or application/x-protobuf";
      expectAnswer(await post("{}", { "Content-Type": type }), { status: 415, text });
    });
  });

  describe("bodies", () => {
    const asJson = { "Content-Type": "application/json" };

    test.each([
      ["garbage", "not json", /^Failed to parse body into JSON: /],
      ["nothing", "", /^Failed to parse body into JSON: /],
      ["half an object", '{"type":', /^Failed to parse body into JSON: /],
      ["something after the object", '{"type":"REVIVE"} x', /^Failed to parse body into JSON: /],
      ["an array", "[]", "Failed to convert JSON into Call protobuf: Expecting a JSON object"],
      [
        "an enum as a number",
        '{"type":1}',
        "Failed to convert JSON into Call protobuf: Not expecting a JSON number for field 'type'",
      ],
      ["a text for a message", '{"type":"REVIVE","framework_id":"x"}', /^Failed to convert JSON into Call protobuf: /],
      [
        "a message without a required field",
        '{"framework_id":{},"type":"REVIVE"}',
        /^Failed to convert JSON into Call protobuf: Missing required fields: framework_id\.value/,
      ],
      [
        "an unknown enum name",
        '{"type":"NO_SUCH_CALL"}',
        "Failed to validate scheduler::Call: Expecting 'type' to be present",
      ],
      [
        "camelCase, which is unknown",
        '{"type":"REVIVE","frameworkId":{"value":"x"}}',
        "Failed to validate scheduler::Call: Expecting 'framework_id' to be present",
      ],
      [
        "null, which is unset",
        '{"type":"REVIVE","framework_id":null}',
        "Failed to validate scheduler::Call: Expecting 'framework_id' to be present",
      ],
      [
        "an unknown field",
        '{"type":"REVIVE","framework_id":{"value":"x"},"unknown":{"a":[1]}}',
        "Framework cannot be found",
      ],
      [
        "an object for a list",
        '{"type":"ACCEPT","framework_id":{"value":"x"},"accept":{"offer_ids":{"value":"o"}}}',
        "Framework cannot be found",
      ],
      [
        "a number as text",
        '{"type":"DECLINE","framework_id":{"value":"x"},"decline":{"offer_ids":[],"filters":{"refuse_seconds":"1.5"}}}',
        "Framework cannot be found",
      ],
    ])("JSON: %s", async (_, body, text) => {
      expectAnswer(await post(body, asJson), { status: 400, text });
    });

    test.each([
      ["garbage", Buffer.from("ffffffffffff", "hex")],
      ["a cut-off field", Buffer.from("0a05", "hex")],
      ["a message without a required field", Buffer.from("0a0010", "hex")],
    ])("protobuf: %s", async (_, body) => {
      const answer = await post(body, { "Content-Type": "application/x-protobuf" });
      expectAnswer(answer, { status: 400, text: "Failed to parse body into Call protobuf" });
    });

    test("protobuf: an empty body is a call without a type", async () => {
      const answer = await post("", { "Content-Type": "application/x-protobuf" });
      expectAnswer(answer, { status: 400, text: "Failed to validate scheduler::Call: Expecting 'type' to be present" });
    });
  });

  describe.each(codecs)("validation, as $name", (codec) => {
    const encode = (call: PartialCall) => new MesosScheduler({ ...mesos(), codec }).encode(call);
    const call = (body: PartialCall) => post(encode(body), { "Content-Type": codec.mediaType });
    const invalid = (text: string) => ({ status: 400, text: `Failed to validate scheduler::Call: ${text}` });

    test("no type", async () => {
      expectAnswer(await call({ ...known() }), invalid("Expecting 'type' to be present"));
    });

    test("SUBSCRIBE without a FrameworkInfo", async () => {
      expectAnswer(await call({ type: Call_Type.SUBSCRIBE }), invalid("Expecting 'subscribe' to be present"));
    });

    test.each([
      ["an id only in the call", "x", undefined],
      ["an id only in the FrameworkInfo", undefined, "x"],
      ["different ids", "x", "y"],
    ])("SUBSCRIBE with %s", async (_, inCall, inInfo) => {
      const id = (value: string | undefined) => (value === undefined ? undefined : { value });
      const subscribe = { frameworkInfo: frameworkInfo({ id: id(inInfo) }) };
      const answer = await call({ type: Call_Type.SUBSCRIBE, frameworkId: id(inCall), subscribe });
      expectAnswer(answer, invalid("'framework_id' differs from 'subscribe.framework_info.id'"));
    });

    test.each([
      "ACCEPT",
      "DECLINE",
      "ACCEPT_INVERSE_OFFERS",
      "DECLINE_INVERSE_OFFERS",
      "KILL",
      "SHUTDOWN",
      "ACKNOWLEDGE",
      "ACKNOWLEDGE_OPERATION_STATUS",
      "RECONCILE",
      "RECONCILE_OPERATIONS",
      "MESSAGE",
      "REQUEST",
      "UPDATE_FRAMEWORK",
    ] as const)("%s without its message", async (type) => {
      const text = `Expecting '${type.toLowerCase()}' to be present`;
      expectAnswer(await call({ ...known(), type: Call_Type[type] }), invalid(text));
    });

    test.each(["TEARDOWN", "REVIVE", "SUPPRESS", "ACCEPT"] as const)("%s without a framework id", async (type) => {
      expectAnswer(await call({ type: Call_Type[type] }), invalid("Expecting 'framework_id' to be present"));
    });

    test.each([
      ["too short", Buffer.alloc(15, 0x41)],
      ["too long", Buffer.alloc(17, 0x41)],
      ["empty", Buffer.alloc(0)],
      ["without a version", Buffer.alloc(16)],
      ["text", Buffer.from("6e8bd1a9-9f3b-4e2b-bd8b-4f4a1b1c2d3e")],
    ])("ACKNOWLEDGE with a uuid that is %s", async (_, bytes) => {
      const acknowledge = { agentId: { value: "a" }, taskId: { value: "t" }, uuid: bytes };
      const answer = await call({ ...known(), type: Call_Type.ACKNOWLEDGE, acknowledge });
      expectAnswer(answer, { status: 400, text: /^Failed to validate scheduler::Call: .*Not a valid UUID/ });
    });

    test("ACKNOWLEDGE_OPERATION_STATUS without an agent id", async () => {
      const acknowledgeOperationStatus = { uuid: uuid(), operationId: { value: "o" } };
      const answer = await call({
        ...known(),
        type: Call_Type.ACKNOWLEDGE_OPERATION_STATUS,
        acknowledgeOperationStatus,
      });
      expectAnswer(answer, invalid("Expecting 'agent_id' to be present"));
    });

    test("UPDATE_FRAMEWORK of another id", async () => {
      const updateFramework = { frameworkInfo: frameworkInfo({ id: { value: "other" } }) };
      const answer = await call({ ...known(), type: Call_Type.UPDATE_FRAMEWORK, updateFramework });
      expectAnswer(answer, invalid("'framework_id' differs from 'update_framework.framework_info.id'"));
    });
  });

  describe.each(codecs)("SUBSCRIBE, as $name", (codec) => {
    const subscribe = (headers: Record<string, string>) =>
      open(url(), {
        body: new MesosScheduler({ ...mesos(), codec }).encode({
          type: Call_Type.SUBSCRIBE,
          subscribe: { frameworkInfo: frameworkInfo({ failoverTimeout: 0 }), suppressedRoles: ["*"] },
        }),
        headers: { "Content-Type": codec.mediaType, ...headers },
      });

    test.each([
      ["no Accept", {}, json],
      ["*/*", { Accept: "*/*" }, json],
      ["application/*", { Accept: "application/*" }, json],
      ["JSON", { Accept: "application/json" }, json],
      ["JSON twice", { Accept: "application/json, application/json" }, json],
      ["JSON in other case", { Accept: "Application/JSON" }, json],
      ["protobuf", { Accept: "application/x-protobuf" }, protobuf],
      ["both, protobuf first", { Accept: "application/x-protobuf, application/json" }, json],
      ["both, protobuf preferred", { Accept: "application/x-protobuf;q=1.0, application/json;q=0.1" }, json],
      ["JSON refused", { Accept: "application/json;q=0, application/x-protobuf" }, protobuf],
    ] as const)("answers with what is acceptable: %s", async (_, headers, expected) => {
      const answer = await subscribe(headers);
      answer.destroy();
      expect(answer.statusCode).toBe(200);
      expect(answer.headers["content-type"]).toBe(expected.mediaType);
      expect(answer.headers["transfer-encoding"]).toBe("chunked");
      expect(answer.headers["mesos-stream-id"]).toMatch(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/);
    });

    test.each(["text/html", "application/json;q=0", "application/unknown"])(
      "Accept %s excludes both",
      async (accept) => {
        const answer = await subscribe({ Accept: accept });
        answer.destroy();
        expect(answer.statusCode).toBe(406);
      },
    );

    test("does not take a stream id", async () => {
      const answer = await subscribe({ "Mesos-Stream-Id": "x" });
      answer.destroy();
      expect(answer.statusCode).toBe(400);
    });
  });

  test("what SUBSCRIBE is refused with", async () => {
    const body = scheduler.encode({ type: Call_Type.SUBSCRIBE, subscribe: { frameworkInfo: frameworkInfo() } });
    const headers = { "Content-Type": "application/json" };
    expectAnswer(await send(url(), { body, headers: { ...headers, Accept: "text/html" } }), {
      status: 406,
      text: "Expecting 'Accept' to allow 'application/x-protobuf' or 'application/json'",
    });
    expectAnswer(await send(url(), { body, headers: { ...headers, "Mesos-Stream-Id": scheduler.streamId ?? "" } }), {
      status: 400,
      text: "Subscribe calls should not include the 'Mesos-Stream-Id' header",
    });
  });

  describe.each(codecs)("stream ids, as $name", (codec) => {
    const revive = (frameworkId: string, headers: Record<string, string> = {}) =>
      post(
        new MesosScheduler({ ...mesos(), codec }).encode({
          type: Call_Type.REVIVE,
          frameworkId: { value: frameworkId },
        }),
        {
          "Content-Type": codec.mediaType,
          ...headers,
        },
      );

    test("a framework that nobody knows", async () => {
      expectAnswer(await revive("unknown"), { status: 400, text: "Framework cannot be found" });
    });

    test("none", async () => {
      const text = "All non-subscribe calls should include the 'Mesos-Stream-Id' header";
      expectAnswer(await revive(scheduler.frameworkId ?? ""), { status: 400, text });
    });

    test("another one", async () => {
      const text = `The stream ID 'other' included in this request didn't match the stream ID currently associated with framework ID ${scheduler.frameworkId}`;
      expectAnswer(await revive(scheduler.frameworkId ?? "", { "Mesos-Stream-Id": "other" }), { status: 400, text });
    });

    test("the right one, whatever it accepts", async () => {
      const headers = { "Mesos-Stream-Id": scheduler.streamId ?? "", Accept: "text/html" };
      const answer = await revive(scheduler.frameworkId ?? "", headers);
      expectAnswer(answer, { status: 202, text: "" });
      expect(answer.headers["content-length"]).toBe("0");
    });

    test("TEARDOWN without or with another one leaves the framework alone", async () => {
      const torn = cleanup.use(new MesosScheduler({ ...mesos(), codec }));
      await torn.subscribe(frameworkInfo(), { suppressedRoles: ["*"] });
      const body = torn.encode({ type: Call_Type.TEARDOWN, frameworkId: { value: torn.frameworkId ?? "" } });
      const headers = { "Content-Type": codec.mediaType };
      expect((await post(body, headers)).status).toBe(400);
      expect((await post(body, { ...headers, "Mesos-Stream-Id": scheduler.streamId ?? "" })).status).toBe(400);
      await torn.send("SUPPRESS");
      await torn.send("TEARDOWN");
      await torn.stream.ended;
      expectAnswer(await torn.call("REVIVE"), { status: 400, text: "Framework cannot be found" });
    });

    test("a framework whose stream is broken", async () => {
      const gone = cleanup.use(new MesosScheduler({ ...mesos(), codec }));
      await gone.subscribe(frameworkInfo(), { suppressedRoles: ["*"] });
      gone.stream.stop();
      await eventually(async () => (await gone.call("REVIVE")).status === 403, { what: "the end of the subscription" });
      expectAnswer(await gone.call("REVIVE"), { status: 403, text: "Framework is not subscribed" });
    });
  });

  describe("on a bare connection", () => {
    const head = (streamId: string | undefined, framing: string) =>
      `POST /api/v1/scheduler HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nMesos-Stream-Id: ${streamId}\r\n${framing}\r\n\r\n`;
    const revive = () => Buffer.from(scheduler.encode({ type: Call_Type.REVIVE, ...known() })).toString();

    /** Writes all of `requests` at once, and gives the status codes of the answers. */
    async function statuses(requests: string, count: number): Promise<number[]> {
      const socket = connect(mesos().port, "127.0.0.1");
      socket.write(requests);
      let answers = "";
      for await (const chunk of socket) {
        answers += String(chunk);
        if (answers.match(/HTTP\/1\.1 /g)?.length === count) break;
      }
      return [...answers.matchAll(/HTTP\/1\.1 (\d+)/g)].map(([, status]) => Number(status));
    }

    test("pipelined calls are answered in order", async () => {
      const body = revive();
      const requests = ["other", scheduler.streamId, scheduler.streamId, "other"].map(
        (streamId) => head(streamId, `Content-Length: ${body.length}`) + body,
      );
      expect(await statuses(requests.join(""), 4)).toEqual([400, 202, 202, 400]);
    });

    test("a chunked request is taken", async () => {
      const body = revive();
      const chunks = [body.slice(0, 10), body.slice(10), ""].map(
        (text) => `${text.length.toString(16)}\r\n${text}\r\n`,
      );
      const request = head(scheduler.streamId, "Transfer-Encoding: chunked") + chunks.join("");
      expect(await statuses(request, 1)).toEqual([202]);
    });
  });
});
