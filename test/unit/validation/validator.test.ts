import { readFileSync } from "node:fs";
import { fromBinary, toBinary } from "@bufbuild/protobuf";
import { FileDescriptorSetSchema } from "@bufbuild/protobuf/wkt";
import { describe, expect, test } from "vitest";
import { HealthCheck_HTTPCheckInfo, OfferID, TaskInfo } from "../../../gen/mesos/v1/mesos.js";
import { SubscribeRequest } from "../../../gen/mesosbridge/v1/scheduler.js";
import { createValidator } from "../../../server/validation/validator.js";
import { lengthDelimited, messageField, stringField, varintField } from "../../../wire/proto.js";
import { at } from "../../support/paths.js";
import { nestedGroups, scalar } from "./examples/builders.js";

const descriptors = readFileSync(at("gen/descriptors.binpb"));
const validator = createValidator(descriptors);
const fieldsOf = (type: string, ...parts: Uint8Array[]) =>
  validator.validate(type, Buffer.concat(parts)).map(({ field }) => field);

const task = (more: Parameters<typeof TaskInfo.fromPartial>[0] = {}) =>
  TaskInfo.encode(
    TaskInfo.fromPartial({
      name: "task",
      taskId: { value: "task" },
      agentId: { value: "agent" },
      resources: [scalar("cpus", 1)],
      command: { value: "true" },
      ...more,
    }),
  ).finish();
const offerId = (value: string) => OfferID.encode(OfferID.fromPartial({ value })).finish();

describe("paths", () => {
  const brokenTask = task({ taskId: undefined });

  test("lead from the request's root to the field, by proto names", () => {
    const launch = messageField(2, [lengthDelimited(1, task()), lengthDelimited(1, brokenTask)]);
    const operation = messageField(2, [varintField(1, 1), launch]);
    const call = messageField(2, [varintField(2, 3), messageField(4, [lengthDelimited(1, offerId("o")), operation])]);
    expect(validator.validate("mesosbridge.v1.CallRequest", call)).toEqual([
      { field: "call.accept.operations[0].launch.task_infos[1].task_id", description: "is required" },
    ]);
  });

  test("are empty for the message itself", () => {
    expect(validator.validate("mesos.v1.TaskID", Buffer.from([0x0a]))[0]?.field).toBe("value");
    expect(validator.validate("mesos.v1.TaskID", Buffer.from([7]))[0]?.field).toBe("");
  });

  test("name elements of strings by their index, and of maps by their key", () => {
    const notText = lengthDelimited(1, Buffer.from([0xc3, 0x28]));
    expect(fieldsOf("mesos.v1.scheduler.Call.Revive", stringField(1, "a"), notText)).toEqual(["roles[1]"]);
    const limit = (key: string) => messageField(15, [stringField(1, key), messageField(2, [])]);
    expect(fieldsOf("mesos.v1.TaskInfo", task(), limit("cpus"), limit('a"b'))).toEqual([
      'limits["cpus"].value',
      'limits["a\\"b"].value',
    ]);
  });

  test("cut long keys", () => {
    const [field] = fieldsOf(
      "mesos.v1.TaskInfo",
      task(),
      messageField(15, [stringField(1, "k".repeat(500)), messageField(2, [])]),
    );
    expect(field).toBe(`limits["${"k".repeat(64)}…"].value`);
  });
});

describe("violations", () => {
  test("are all reported, up to 20 and one for the rest", () => {
    const tasks = (count: number) =>
      Array.from({ length: count }, () => lengthDelimited(3, task({ taskId: undefined })));
    const validate = (count: number) =>
      validator.validate("mesosbridge.v1.LaunchTasksRequest", Buffer.concat(tasks(count)));
    expect(validate(20)).toHaveLength(20);
    expect(validate(20).at(-1)).toEqual({ field: "tasks[19].task_id", description: "is required" });
    expect(validate(5000)).toHaveLength(21);
    expect(validate(5000).at(-1)).toEqual({ field: "", description: "and more" });
  });

  test("before malformed bytes are kept", () => {
    const bytes = Buffer.concat([lengthDelimited(3, task({ taskId: undefined })), Buffer.from([0x1a, 9])]);
    expect(validator.validate("mesosbridge.v1.LaunchTasksRequest", bytes)).toEqual([
      { field: "tasks[0].task_id", description: "is required" },
      { field: "tasks", description: "is malformed: it is cut off, or its length is wrong" },
    ]);
  });

  test("of one message do not show up in the next", () => {
    expect(fieldsOf("mesos.v1.TaskID")).toEqual(["value"]);
    expect(fieldsOf("mesos.v1.TaskID", stringField(1, "a"))).toEqual([]);
  });
});

describe("encodings", () => {
  const httpCheck = HealthCheck_HTTPCheckInfo.encode(HealthCheck_HTTPCheckInfo.fromPartial({ port: 80 })).finish();
  const HTTP_CHECK = "mesos.v1.HealthCheck.HTTPCheckInfo";

  test("of repeated numbers may be packed or not", () => {
    const packed = lengthDelimited(4, Buffer.from([0xc8, 1, 0xac, 2]));
    expect(fieldsOf(HTTP_CHECK, httpCheck, varintField(4, 200), packed, varintField(4, 404))).toEqual([]);
    const cut = lengthDelimited(4, Buffer.from([0xc8, 1, 0xac]));
    expect(fieldsOf(HTTP_CHECK, httpCheck, cut)).toEqual(["statuses"]);
  });

  test("of singular numbers may not be packed", () => {
    expect(fieldsOf(HTTP_CHECK, httpCheck, lengthDelimited(1, Buffer.from([80])))).toEqual(["port"]);
  });

  test("of long texts are checked too", () => {
    const long = Buffer.alloc(1000, "a");
    expect(fieldsOf("mesos.v1.TaskID", lengthDelimited(1, long))).toEqual([]);
    long[999] = 0xc3;
    expect(fieldsOf("mesos.v1.TaskID", lengthDelimited(1, long))).toEqual(["value"]);
  });

  test("may hold messages 100 levels deep", () => {
    const containers = (levels: number): Uint8Array => {
      let id: Uint8Array = stringField(1, "c");
      for (let i = 0; i < levels; i++) id = Buffer.concat([stringField(1, "c"), lengthDelimited(2, id)]);
      return id;
    };
    expect(fieldsOf("mesos.v1.ContainerID", containers(100))).toEqual([]);
    const [violation] = validator.validate("mesos.v1.ContainerID", containers(101));
    expect(violation?.description).toBe("is nested more than 100 levels deep");
  });
});

describe("what a request holds may be nested as deep as the call that is made of it", () => {
  const call = (depth: number) => messageField(2, [varintField(2, 5), nestedGroups(depth)]);
  test.each<[type: string, levels: number, request: (depth: number) => Uint8Array]>([
    ["CallRequest", 100, call],
    ["CallsRequest", 100, call],
    ["SubscribeRequest", 98, (depth) => messageField(2, [stringField(1, "root"), nestedGroups(depth)])],
    ["AcceptOffersRequest", 98, (depth) => messageField(3, [varintField(1, 99), nestedGroups(depth)])],
    ["LaunchTasksRequest", 96, (depth) => messageField(3, [task(), nestedGroups(depth)])],
    ["KillTaskRequest", 98, (depth) => messageField(2, [stringField(1, "task"), nestedGroups(depth)])],
  ])("%s: %i levels of groups", (type, levels, request) => {
    const validate = (depth: number) => validator.validate(`mesosbridge.v1.${type}`, request(depth));
    expect(validate(levels)).toEqual([]);
    const description = "is nested more than 100 levels deep";
    expect(validate(levels + 1)).toContainEqual(expect.objectContaining({ description }));
  });
});

describe("the bridge's own messages", () => {
  const LAUNCH = "mesosbridge.v1.LaunchTasksRequest";
  const subscribe = (info: SubscribeRequest["frameworkInfo"], suppressedRoles: string[] = []) =>
    SubscribeRequest.encode(
      SubscribeRequest.fromPartial({ frameworkName: "f", frameworkInfo: info, suppressedRoles }),
    ).finish();

  test("may leave out the framework's name, not its user", () => {
    expect(
      fieldsOf("mesosbridge.v1.SubscribeRequest", subscribe({ user: "root" } as SubscribeRequest["frameworkInfo"])),
    ).toEqual([]);
    expect(fieldsOf("mesosbridge.v1.SubscribeRequest", messageField(2, []))).toEqual(["framework_info.user"]);
    expect(fieldsOf("mesosbridge.v1.SubscribeRequest", stringField(1, "f"))).toEqual([]);
  });

  test("are held to Mesos's rules for frameworks", () => {
    const info = { user: "root", role: "a b" } as SubscribeRequest["frameworkInfo"];
    expect(fieldsOf("mesosbridge.v1.SubscribeRequest", subscribe(info, ["c"]))).toEqual([
      "framework_info.role",
      "suppressed_roles",
    ]);
  });

  test("are held to Mesos's rules for launches", () => {
    const bad = task({ taskId: { value: "bad" }, command: undefined, resources: [scalar("cpus", -1)] });
    expect(fieldsOf(LAUNCH, lengthDelimited(3, task()), lengthDelimited(3, bad))).toEqual([
      "tasks[1].resources[0].scalar.value",
      "tasks[1]",
    ]);
  });

  test("start a task once", () => {
    const [first, second] = [task(), task({ taskId: { value: "second" } })].map((info) => lengthDelimited(3, info));
    if (!first || !second) throw new Error("two tasks are needed");
    expect(fieldsOf(LAUNCH, first, second)).toEqual([]);
    expect(validator.validate(LAUNCH, Buffer.concat([first, second, first]))).toEqual([
      { field: "tasks", description: 'must not have two tasks with the same id: "task"' },
    ]);
  });

  test("ask for no more than Mesos can add up", () => {
    const huge = (value: string) => lengthDelimited(3, task({ taskId: { value }, resources: [scalar("cpus", 9e15)] }));
    expect(fieldsOf(LAUNCH, huge("a"))).toEqual([]);
    expect(validator.validate(LAUNCH, Buffer.concat([huge("a"), huge("b")]))).toEqual([
      { field: "tasks", description: expect.stringContaining("must not ask for more than 9.2e15 in all") },
    ]);
    // Nothing of one request is left for the next, also where the walk ends early.
    validator.validate(LAUNCH, Buffer.concat([huge("a"), Buffer.from([0x1a, 9])]));
    expect(fieldsOf(LAUNCH, huge("a"))).toEqual([]);
  });

  test("name an offer once", () => {
    const twice = [
      lengthDelimited(2, offerId("o")),
      lengthDelimited(2, offerId("p")),
      lengthDelimited(2, offerId("o")),
    ];
    expect(fieldsOf(LAUNCH, ...twice, lengthDelimited(3, task()))).toEqual(["offer_ids"]);
    expect(fieldsOf(LAUNCH, ...twice.slice(1), lengthDelimited(3, task()))).toEqual([]);
    const operation = lengthDelimited(3, varintField(1, 1));
    expect(fieldsOf("mesosbridge.v1.AcceptOffersRequest", ...twice, operation)).toEqual(["offer_ids"]);
    expect(fieldsOf("mesosbridge.v1.AcceptOffersRequest", ...twice)).toEqual([]);
  });

  test("have valid roles", () => {
    expect(fieldsOf("mesosbridge.v1.ReviveOffersRequest", stringField(2, "a/"))).toEqual(["roles[0]"]);
    expect(fieldsOf("mesosbridge.v1.SuppressOffersRequest", stringField(2, "a"), stringField(2, ""))).toEqual([
      "roles[1]",
    ]);
  });
});

describe("a validator", () => {
  test("says which type it does not know", () => {
    expect(() => validator.validate("mesos.v1.Nothing", Buffer.alloc(0))).toThrow("no message type mesos.v1.Nothing");
  });

  test("is not made of descriptors that lack what its rules are about", () => {
    const set = fromBinary(FileDescriptorSetSchema, descriptors);
    for (const file of set.file) {
      for (const type of file.messageType) if (type.name === "TaskInfo") type.name = "Other";
    }
    set.file = set.file.filter(({ name }) => name === "mesos/v1/mesos.proto");
    expect(() => createValidator(toBinary(FileDescriptorSetSchema, set))).toThrow();
    expect(() => createValidator(Buffer.from("nothing"))).toThrow();
  });
});
