import { describe, expect, test } from "vitest";
import type { Identity } from "../../../server/access/identity.js";
import { parsePermissions } from "../../../server/access/permissions/permissionsFile.js";
import { Ruleset, UNRESTRICTED } from "../../../server/access/permissions/rights.js";

const certificate = (...names: [string, ...string[]]): Identity => ({ kind: "certificate", names });

const rules = new Ruleset(
  parsePermissions(`
[[rule]]
identities = ["cn:team-a-*"]
allow = ["attach", "call"]
frameworks = ["a-*"]
roles = ["team-a/*"]
users = ["svc-a"]
limits = { frameworks = 3, observers = 9 }

[[rule]]
identities = ["cn:*"]
allow = ["observe"]
frameworks = ["a-*", "b-*"]
roles = ["*"]
users = ["root"]
limits = { frameworks = 2 }

[[rule]]
identities = ["cn:team-a-1", "token:ops"]
allow = ["call", "reflection"]
frameworks = ["b-*"]
roles = ["team-b"]
users = ["root"]
principals = ["boss"]
`),
);

describe("rights", () => {
  const one = rules.of(certificate("dns:one.example", "cn:team-a-1"));

  test("are those of all rules that match one of the names", () => {
    expect(one.on("a-1").may("attach")).toBe(true);
    expect(one.on("a-1").may("observe")).toBe(true);
    expect(one.on("b-1").may("call")).toBe(true);
    expect(one.on("b-1").may("attach")).toBe(false);
    expect(one.on("c-1").may("observe")).toBe(false);
    expect(one.mayUse("reflection")).toBe(true);
    expect(one.mayUse("channelz")).toBe(false);
  });

  test("on a framework don't grow by what a rule for another framework, or another verb, names", () => {
    expect(one.on("a-1").call.users.matches("svc-a")).toBe(true);
    expect(one.on("a-1").call.users.matches("root")).toBe(false);
    expect(one.on("b-1").call.users.matches("root")).toBe(true);
    expect(one.on("b-1").call.users.matches("svc-a")).toBe(false);
    expect(one.on("a-1").call.roles.matches("team-a/x")).toBe(true);
    expect(one.on("a-1").call.roles.matches("team-b")).toBe(false);
    expect(one.on("a-1").attach.principals.matches("boss")).toBe(false);
    expect(one.on("b-1").call.principals.matches("boss")).toBe(true);
  });

  test("are none without a rule, and none for a caller that is not known", () => {
    const nobody = rules.of({ kind: "token", names: ["token:team-a-1"] });
    expect(nobody.mayAnywhere("observe")).toBe(false);
    expect(nobody.on("a-1").may("attach")).toBe(false);
    expect(rules.of({ kind: "anonymous" }).on("a-1").may("observe")).toBe(false);
    expect(new Ruleset([]).of(certificate("cn:x")).mayUse("reflection")).toBe(false);
  });

  test("hold the highest limit of the rules that name one", () => {
    expect(one.limits).toEqual({ frameworks: 3, observers: 9 });
    expect(rules.of(certificate("cn:other")).limits).toEqual({ frameworks: 2 });
  });

  test("are worked out once for an identity, whatever object it comes as", () => {
    expect(rules.of(certificate("dns:one.example", "cn:team-a-1"))).toBe(one);
    expect(one.on("a-1")).toBe(one.on("a-1"));
  });

  test("don't mix up names that hold separators", () => {
    const both = rules.of(certificate("cn:x", "cn:team-a-1"));
    expect(rules.of(certificate('cn:x","cn:team-a-1'))).not.toBe(both);
    expect(rules.of(certificate("uri:x\ncn:team-a-1")).mayAnywhere("observe")).toBe(false);
  });

  test("are kept for a bounded number of identities and frameworks, and stay right beyond it", () => {
    for (let i = 0; i < 10_010; i++) {
      expect(rules.of({ kind: "token", names: [`token:${i}`] }).mayAnywhere("call")).toBe(false);
    }
    for (let i = 0; i < 1_010; i++) expect(one.on(`a-${i}`).may("call")).toBe(true);
    expect(one.on("c").may("call")).toBe(false);
  });

  test("are all while authentication is off", () => {
    expect(UNRESTRICTED.on("x").may("import")).toBe(true);
    expect(UNRESTRICTED.on("x").call.users.any).toBe(true);
    expect(UNRESTRICTED.limits).toEqual({});
  });
});
