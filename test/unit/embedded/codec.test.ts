import { describe, expect, test } from "vitest";
import { decodeMessage, encodeMessage, JSON_TYPE, PROTOBUF_TYPE } from "../../../embedded/codec/messages.js";
import { acceptedMediaType } from "../../../embedded/http/accept.js";
import { Call, Event } from "../../../gen/mesos/v1/scheduler/scheduler.js";

const CALL = { name: "mesos.v1.scheduler.Call", fns: Call };
const EVENT = { name: "mesos.v1.scheduler.Event", fns: Event };
const decode = (text: string) => decodeMessage(CALL, Buffer.from(text), JSON_TYPE);

describe("JSON in Mesos's own way", () => {
  test.each([
    ["garbage", "Failed to parse body into JSON: syntax error at line 1 near: garbage"],
    ['{"a":}', "Failed to parse body into JSON: syntax error at line 1 near: }"],
    ['{"a":1} x', "Failed to parse body into JSON: Parsed JSON included non-whitespace trailing characters:  x"],
    ["", "Failed to parse body into JSON: syntax error at line 1 near: "],
    ["[1]", "Failed to convert JSON into Call protobuf: Expecting a JSON object"],
    ['{"type":5}', "Failed to convert JSON into Call protobuf: Not expecting a JSON number for field 'type'"],
    [
      '{"subscribe":{}}',
      "Failed to convert JSON into Call protobuf: Missing required fields: subscribe.framework_info",
    ],
    [
      '{"accept":{"operations":[{"launch":{"task_infos":[{}]}}]}}',
      "Failed to convert JSON into Call protobuf: Missing required fields: accept.operations[0].launch.task_infos[0].name, accept.operations[0].launch.task_infos[0].task_id, accept.operations[0].launch.task_infos[0].agent_id",
    ],
    [
      '{"subscribe":{"framework_info":{"user":"u","name":"n","failover_timeout":"abc"}}}',
      "Failed to convert JSON into Call protobuf: Failed to parse 'abc' as a JSON number for field 'failover_timeout': syntax error at line 1 near: abc",
    ],
    [
      '{"acknowledge":{"uuid":"!!!"}}',
      "Failed to convert JSON into Call protobuf: Failed to base64 decode bytes field 'uuid': Invalid character '!'",
    ],
    ['{"subscribe":[]}', "Failed to convert JSON into Call protobuf: Not expecting a JSON array for field 'subscribe'"],
  ])("%s is refused", (text, message) => {
    expect(() => decode(text)).toThrow(message);
  });

  test("unknown fields, camel case and unknown enum names count as unset", () => {
    expect(decode('{"type":"FOO","frameworkId":{"value":"x"},"other":{"a":[1,null]}}')).toMatchObject({});
    expect(decode('{"type":"FOO"}').type).toBeUndefined();
  });

  test("numbers beyond 2^53 keep every digit, as numbers and as strings", () => {
    for (const nanoseconds of ["9007199254740993", '"9007199254740993"']) {
      const text = `{"kill":{"task_id":{"value":"t"},"kill_policy":{"grace_period":{"nanoseconds":${nanoseconds}}}}}`;
      expect(decode(text).kill?.killPolicy?.gracePeriod?.nanoseconds).toBe(9007199254740993n);
    }
  });

  test("one object stands for a list of one", () => {
    const call = decode('{"accept":{"offer_ids":{"value":"o"}}}');
    expect(call.accept?.offerIds).toEqual([{ value: "o" }]);
  });

  test("output has explicit defaults, doubles with a fraction, and no deprecated defaults", () => {
    const subscribe = { frameworkInfo: { user: "u", name: "n", roles: [], capabilities: [], offerFilters: {} } };
    const bytes = encodeMessage(CALL, Call.fromPartial({ subscribe }), JSON_TYPE);
    expect(bytes.toString()).toBe(
      '{"subscribe":{"framework_info":{"user":"u","name":"n","failover_timeout":0.0,"checkpoint":false}}}',
    );
  });

  test("an enum number without a name leaves the field out", () => {
    const masterInfo = { id: "m", ip: 1, capabilities: [{ type: 1 }, { type: 3 as number }] };
    const event = Event.fromPartial({ subscribed: { frameworkId: { value: "f" }, masterInfo } });
    expect(encodeMessage(EVENT, event, JSON_TYPE).toString()).toContain('"capabilities":[{"type":"AGENT_UPDATE"},{}]');
  });
});

describe("protobuf", () => {
  test.each([
    ["bytes that are no message", Buffer.from([0xff, 0xff])],
    ["a message without its required fields", Buffer.from([0x10, 0x01, 0x1a, 0x00])],
  ])("%s are refused", (_, bytes) => {
    expect(() => decodeMessage(CALL, bytes, PROTOBUF_TYPE)).toThrow("Failed to parse body into Call protobuf");
  });

  test("an unknown enum number counts as unset", () => {
    expect(decodeMessage(CALL, Buffer.from([0x10, 0x63]), PROTOBUF_TYPE).type).toBeUndefined();
  });
});

describe("Accept", () => {
  test.each([
    [undefined, JSON_TYPE],
    ["*/*", JSON_TYPE],
    ["application/*", JSON_TYPE],
    ["application/x-protobuf", PROTOBUF_TYPE],
    ["application/x-protobuf, application/json", JSON_TYPE],
    ["APPLICATION/JSON", JSON_TYPE],
    ["application/json;q=0, application/x-protobuf", PROTOBUF_TYPE],
    ["application/json, application/json", JSON_TYPE],
    ["text/html", undefined],
    ["application/json;q=0", undefined],
  ])("%s gives %s", (accept, expected) => {
    expect(acceptedMediaType(accept)).toBe(expected);
  });
});
