import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { FrameworkInfo, FrameworkInfo_Capability_Type } from "../../../gen/mesos/v1/mesos.js";
import { Call, Call_Type, Call_UpdateFramework, OfferConstraints } from "../../../gen/mesos/v1/scheduler/scheduler.js";
import {
  completeFrameworkInfo,
  rolesOf,
  subscribeCall,
  updatedFields,
  withId,
  withPrincipal,
} from "../../../server/mesos/messages/frameworkInfo.js";
import { lengthDelimited, ProtoReader, stringField, varintField, WireError } from "../../../wire/proto.js";

type Partial = Parameters<typeof FrameworkInfo.fromPartial>[0];

const encoded = (partial: Partial) => FrameworkInfo.encode(FrameworkInfo.fromPartial(partial)).finish();
const { MULTI_ROLE, PARTITION_AWARE } = FrameworkInfo_Capability_Type;

/** Fields that no release of Mesos has. */
const unknown = Buffer.concat([
  varintField(900, 7),
  stringField(901, "from a later release"),
  lengthDelimited(902, Buffer.from([0xff, 0x00, 0x80])),
]);

function rawFields(bytes: Uint8Array): Buffer[] {
  const reader = new ProtoReader(bytes);
  const fields: Buffer[] = [];
  while (reader.next()) fields.push(Buffer.from(reader.rawField()));
  return fields;
}

describe("withPrincipal", () => {
  const info = Buffer.concat([encoded({ user: "root", principal: "alice", roles: ["a"] }), unknown]);

  test("puts the bridge's own in the stored one's place, and keeps all else", () => {
    const changed = withPrincipal(info, "bob");
    expect(FrameworkInfo.decode(changed)).toMatchObject({ user: "root", principal: "bob", roles: ["a"] });
    expect(rawFields(changed)).toEqual(expect.arrayContaining(rawFields(unknown)));
    expect(rawFields(changed)).toHaveLength(rawFields(info).length);
  });

  test("changes no byte if it is that one, or if the bridge has none", () => {
    expect(withPrincipal(info, "alice")).toBe(info);
    expect(withPrincipal(info, undefined)).toBe(info);
  });
});

describe("completeFrameworkInfo", () => {
  test("fills in what is unset, and says so", () => {
    const { bytes, id, defaultedFields } = completeFrameworkInfo(encoded({ user: "root" }), "my name", "prince");
    expect(FrameworkInfo.decode(bytes)).toMatchObject({
      user: "root",
      name: "my name",
      checkpoint: true,
      failoverTimeout: 604_800,
      principal: "prince",
    });
    expect(id).toBeUndefined();
    expect(defaultedFields).toEqual(["name", "checkpoint", "failover_timeout", "principal"]);
  });

  test("leaves alone what is set, also to what looks like nothing", () => {
    const given = { user: "u", name: "n", checkpoint: false, failoverTimeout: 0, principal: "" };
    const { bytes, defaultedFields } = completeFrameworkInfo(encoded(given), "my name", "prince");
    expect(FrameworkInfo.decode(bytes)).toMatchObject(given);
    expect(defaultedFields).toEqual([]);
  });

  test("without authentication there is no principal", () => {
    const { bytes, defaultedFields } = completeFrameworkInfo(encoded({ user: "u" }), "n", undefined);
    expect(FrameworkInfo.decode(bytes).principal).toBeUndefined();
    expect(defaultedFields).not.toContain("principal");
  });

  test("takes the id out, and gives it back", () => {
    const { bytes, id } = completeFrameworkInfo(encoded({ user: "u", id: { value: "the-id" } }), "n", undefined);
    expect(id).toBe("the-id");
    expect(FrameworkInfo.decode(bytes).id).toBeUndefined();
    expect(completeFrameworkInfo(encoded({ id: { value: "" } }), "n", undefined).id).toBeUndefined();
  });

  test("keeps every other field byte for byte, in order, whether it is known or not", () => {
    const text = fc.string({ maxLength: 20 });
    fc.assert(
      fc.property(text, fc.array(text), fc.boolean(), fc.boolean(), (user, roles, before, after) => {
        const info = Buffer.concat([
          before ? unknown : Buffer.alloc(0),
          encoded({ user, roles, id: { value: "x" }, labels: { labels: [{ key: "k", value: user }] } }),
          after ? unknown : Buffer.alloc(0),
        ]);
        const expected = rawFields(info).filter((field) => field[0] !== ((3 << 3) | 2));
        const fields = rawFields(completeFrameworkInfo(info, "n", undefined).bytes);
        expect(fields.slice(0, expected.length)).toEqual(expected);
        expect(fields.length).toBe(expected.length + 3);
      }),
    );
  });

  test("what is no message is a WireError", () => {
    expect(() => completeFrameworkInfo(Buffer.from([0x0a, 5]), "n", undefined)).toThrow(WireError);
  });
});

test("withId sets the id, also over another", () => {
  const info = withId(encoded({ user: "u" }), "one");
  expect(FrameworkInfo.decode(info).id?.value).toBe("one");
  expect(FrameworkInfo.decode(withId(info, "two")).id?.value).toBe("two");
});

describe("rolesOf", () => {
  test.each<[name: string, info: Partial, roles: string[]]>([
    ["nothing", {}, ["*"]],
    ["a role", { role: "dev" }, ["dev"]],
    ["roles without the capability", { roles: ["a"] }, ["*"]],
    ["multi-role", { roles: ["a", "b"], capabilities: [{ type: MULTI_ROLE }] }, ["a", "b"]],
    [
      "the capability behind another",
      { roles: ["a"], capabilities: [{ type: PARTITION_AWARE }, { type: MULTI_ROLE }] },
      ["a"],
    ],
    ["multi-role without roles", { role: "x", capabilities: [{ type: MULTI_ROLE }] }, []],
  ])("%s", (_, info, roles) => {
    expect(rolesOf(encoded(info))).toEqual(roles);
  });
});

describe("subscribeCall", () => {
  const constraints = OfferConstraints.encode(
    OfferConstraints.fromPartial({ roleConstraints: { a: { groups: [] } } }),
  ).finish();

  test("is what the generated codec reads", () => {
    const call = Call.decode(
      subscribeCall({
        frameworkId: "the-id",
        frameworkInfo: Buffer.concat([encoded({ user: "u", name: "n" }), unknown]),
        suppressedRoles: ["a", "b"],
        offerConstraints: constraints,
      }),
    );
    expect(call.type).toBe(Call_Type.SUBSCRIBE);
    expect(call.frameworkId?.value).toBe("the-id");
    expect(call.subscribe?.frameworkInfo).toMatchObject({ user: "u", name: "n", id: { value: "the-id" } });
    expect(call.subscribe?.suppressedRoles).toEqual(["a", "b"]);
    expect(
      call.subscribe?.offerConstraints && OfferConstraints.encode(call.subscribe.offerConstraints).finish(),
    ).toEqual(constraints);
    const info = call.subscribe?.frameworkInfo
      ? FrameworkInfo.encode(call.subscribe.frameworkInfo).finish()
      : Buffer.alloc(0);
    expect(Buffer.from(info).includes(unknown)).toBe(true);
  });

  test("says nothing of constraints that are not set", () => {
    const fields = {
      frameworkId: "i",
      frameworkInfo: encoded({}),
      suppressedRoles: [],
      offerConstraints: Buffer.alloc(0),
    };
    expect(Call.decode(subscribeCall(fields)).subscribe?.offerConstraints).toBeUndefined();
  });
});

test("updatedFields takes all of an UPDATE_FRAMEWORK, without the id", () => {
  const info = Buffer.concat([encoded({ user: "u", id: { value: "i" }, roles: ["r"] }), unknown]);
  const payload = Buffer.concat([
    lengthDelimited(1, info),
    Call_UpdateFramework.encode(Call_UpdateFramework.fromPartial({ suppressedRoles: ["r", "s"] })).finish(),
    lengthDelimited(3, Buffer.from([0x0a, 0])),
  ]);
  const updated = updatedFields(payload);
  expect(updated.suppressedRoles).toEqual(["r", "s"]);
  expect(Buffer.from(updated.offerConstraints)).toEqual(Buffer.from([0x0a, 0]));
  expect(rawFields(updated.frameworkInfo)).toEqual(rawFields(info).filter((field) => field[0] !== ((3 << 3) | 2)));
  expect(updatedFields(Buffer.alloc(0))).toMatchObject({ suppressedRoles: [], offerConstraints: Buffer.alloc(0) });
});
