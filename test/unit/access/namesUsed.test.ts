import { readFileSync } from "node:fs";
import { createFileRegistry, type DescMessage, fromBinary, ScalarType } from "@bufbuild/protobuf";
import { FileDescriptorSetSchema } from "@bufbuild/protobuf/wkt";
import { describe, expect, test } from "vitest";
import { FrameworkInfo, FrameworkInfo_Capability_Type, Offer_Operation_Type } from "../../../gen/mesos/v1/mesos.js";
import { Call, Call_Type } from "../../../gen/mesos/v1/scheduler/scheduler.js";
import { readCall } from "../../../server/mesos/messages/calls.js";
import { frameworkUserOf, visitCall, visitFramework } from "../../../server/mesos/messages/namesUsed.js";
import { lengthDelimited, stringField, varintField } from "../../../wire/proto.js";
import { at } from "../../support/paths.js";

const registry = createFileRegistry(fromBinary(FileDescriptorSetSchema, readFileSync(at("gen/descriptors.binpb"))));

/** Everything that a call uses, in order. */
function namesIn(call: Uint8Array): string[] {
  const names: string[] = [];
  visitCall(readCall(call), collector(names));
  return names;
}

function collector(names: string[]) {
  return {
    role: (role: string) => names.push(`role ${role}`),
    user: (user: string) => names.push(`user ${user}`),
    frameworkUser: () => names.push("the framework's user"),
    principal: (principal: string) => names.push(`principal ${principal}`),
  };
}

interface Path {
  readonly name: string;
  readonly numbers: readonly number[];
}

/** The ways from a message to texts that name users, roles or principals of a framework. */
function pathsIn(message: DescMessage, above: readonly DescMessage[] = []): Path[] {
  if (above.includes(message)) return [];
  return message.fields.flatMap((field): Path[] => {
    if (field.fieldKind === "map") return [];
    if (field.message) {
      return pathsIn(field.message, [...above, message]).map(({ name, numbers }) => ({
        name: `${field.name}.${name}`,
        numbers: [field.number, ...numbers],
      }));
    }
    const isText = field.scalar === ScalarType.STRING;
    const isName = /^(user|role|roles|suppressed_roles)$/.test(field.name);
    return isText && isName ? [{ name: field.name, numbers: [field.number] }] : [];
  });
}

function callOf(type: Call_Type): { readonly field: DescMessage | undefined; readonly number: number } {
  const field = registry
    .getMessage("mesos.v1.scheduler.Call")
    ?.fields.find(({ name }) => name === (Call_Type[type] ?? "").toLowerCase());
  return { field: field?.message ?? undefined, number: field?.number ?? 0 };
}

const types = Object.values(Call_Type).filter((type): type is Call_Type => typeof type === "number" && type > 1);
const ways = types.flatMap((type) => {
  const { field, number } = callOf(type);
  return (field ? pathsIn(field) : []).map((path) => ({ type, number, path }));
});

describe("the names that a call uses", () => {
  test("are read wherever the descriptors of Mesos have users and roles", () => {
    // Operations of an ACCEPT alone have some dozens.
    expect(ways.length).toBeGreaterThan(60);
    const missed = ways.filter(({ type, number, path }) => {
      let bytes: Uint8Array = Buffer.from("chosen");
      for (const field of [...path.numbers].reverse()) bytes = lengthDelimited(field, bytes);
      const call = Buffer.concat([varintField(2, type), lengthDelimited(number, bytes)]);
      return !namesIn(call).some((name) => name.endsWith(" chosen"));
    });
    expect(missed.map(({ type, path }) => `${Call_Type[type]}: ${path.name}`)).toEqual([]);
  });

  type PartialOperation = NonNullable<
    NonNullable<Parameters<typeof Call.fromPartial>[0]["accept"]>["operations"]
  >[number];
  const launch = (...taskInfos: NonNullable<PartialOperation["launch"]>["taskInfos"] & object): PartialOperation => ({
    type: Offer_Operation_Type.LAUNCH,
    launch: { taskInfos },
  });
  const accept = (...operations: PartialOperation[]) =>
    namesIn(Call.encode(Call.fromPartial({ type: Call_Type.ACCEPT, accept: { operations } })).finish());
  const ids = { name: "t", taskId: { value: "t" }, agentId: { value: "a" } };
  const executorId = { value: "e" };

  test("are a task's effective users: of the command, of the executor, else the framework's", () => {
    expect(accept(launch({ ...ids, command: { value: "x" } }))).toEqual(["the framework's user"]);
    expect(accept(launch({ ...ids, command: { user: "a" } }))).toEqual(["user a"]);
    // Mesos looks at presence: an empty user is one that is named.
    expect(accept(launch({ ...ids, command: { user: "" } }))).toEqual(["user "]);
    expect(accept(launch({ ...ids, executor: { executorId, command: { user: "b" } } }))).toEqual(["user b"]);
    expect(accept(launch({ ...ids, executor: { executorId } }))).toEqual(["the framework's user"]);
    expect(accept(launch(ids))).toEqual(["the framework's user"]);
  });

  test("include those of every task, and of checks", () => {
    const check = { command: { command: { user: "c" } } };
    const healthCheck = { command: { user: "h" } };
    const names = accept(launch({ ...ids, command: { user: "a" }, check, healthCheck }, { ...ids, command: {} }));
    expect(names.sort()).toEqual(["the framework's user", "user a", "user c", "user h"]);
  });

  test("of a group are those of its executor and of tasks that name one", () => {
    const group = (user: string | undefined): PartialOperation => ({
      type: Offer_Operation_Type.LAUNCH_GROUP,
      launchGroup: {
        executor: { executorId, command: user === undefined ? undefined : { user } },
        taskGroup: {
          tasks: [
            { ...ids, command: { value: "x" } },
            { ...ids, command: { user: "t" } },
          ],
        },
      },
    });
    expect(accept(group(undefined))).toEqual(["the framework's user", "user t"]);
    expect(accept(group("e"))).toEqual(["user e", "user t"]);
  });

  test("are the roles of resources in both formats, but for the older one's word for no role", () => {
    const of = (resource: object): PartialOperation => ({
      type: Offer_Operation_Type.RESERVE,
      reserve: { resources: [{ name: "cpus", ...resource }] },
    });
    expect(accept(of({ role: "*" }))).toEqual([]);
    expect(accept(of({ role: "old", reservation: {} }))).toEqual(["role old"]);
    const refined = { reservations: [{ role: "eng" }, { role: "eng/a" }], allocationInfo: { role: "eng/a" } };
    expect(accept(of(refined)).sort()).toEqual(["role eng", "role eng/a", "role eng/a"]);
  });

  test("of an operation count whatever type it says", () => {
    const operation = { ...launch({ ...ids, command: { user: "x" } }), type: Offer_Operation_Type.CREATE };
    expect(accept(operation)).toEqual(["user x"]);
  });

  test("are not looked for in calls that have none", () => {
    const kill = Call.fromPartial({ type: Call_Type.KILL, kill: { taskId: { value: "t" } } });
    expect(namesIn(Call.encode(kill).finish())).toEqual([]);
  });
});

describe("the names of a framework", () => {
  const namesOf = (partial: Parameters<typeof FrameworkInfo.fromPartial>[0]) => {
    const names: string[] = [];
    visitFramework(
      FrameworkInfo.encode(FrameworkInfo.fromPartial({ name: "f", user: "u", ...partial })).finish(),
      collector(names),
    );
    return [...new Set(names)].sort();
  };

  test("are its user, its principal and its roles, of which the default is *", () => {
    expect(namesOf({})).toEqual(["role *", "user u"]);
    expect(namesOf({ role: "eng", principal: "p" })).toEqual(["principal p", "role eng", "user u"]);
    const capabilities = [{ type: FrameworkInfo_Capability_Type.MULTI_ROLE }];
    expect(namesOf({ capabilities, roles: ["a", "b"] })).toEqual(["role a", "role b", "user u"]);
    expect(namesOf({ capabilities })).toEqual(["user u"]);
  });

  test("include roles that its capabilities make Mesos pass over", () => {
    expect(namesOf({ roles: ["a"], role: "b" })).toEqual(["role a", "role b", "user u"]);
  });

  test("have the user that Mesos takes when there are several: the last", () => {
    expect(frameworkUserOf(Buffer.concat([stringField(1, "a"), stringField(1, "b")]))).toBe("b");
  });
});
