import { expect, test } from "vitest";
import { FrameworkInfo, FrameworkInfo_Capability_Type } from "../../../gen/mesos/v1/mesos.js";
import { detailsOf, tableOf, viewOf } from "../../../server/cli/frameworkView.js";
import { rolesOf } from "../../../server/mesos/messages/frameworkInfo.js";
import type { FrameworkRecord } from "../../../server/session/frameworkStore.js";
import { KeptState } from "../../../server/store/keptContent.js";
import { record } from "../store/samples.js";

const { MULTI_ROLE, PARTITION_AWARE } = FrameworkInfo_Capability_Type;

function recordOf(info: Parameters<typeof FrameworkInfo.fromPartial>[0]): FrameworkRecord {
  const frameworkInfo = FrameworkInfo.encode(FrameworkInfo.fromPartial({ user: "root", ...info })).finish();
  return record("name", { frameworkInfo, suppressedRoles: [] });
}

test.each([
  ["the default role", {}, ["*"]],
  ["its role", { role: "a" }, ["a"]],
  ["its role without the capability, whatever else is there", { role: "a", roles: ["b"] }, ["a"]],
  ["its roles with the capability", { capabilities: [{ type: MULTI_ROLE }], roles: ["a", "b"] }, ["a", "b"]],
  ["its roles, and not its role, with the capability", { capabilities: [{ type: MULTI_ROLE }], role: "a" }, []],
  ["no roles with the capability and none", { capabilities: [{ type: MULTI_ROLE }] }, []],
  ["the default role with another capability", { capabilities: [{ type: PARTITION_AWARE }] }, ["*"]],
])("a framework is shown with %s, as Mesos has it", (_, info, roles) => {
  const remembered = recordOf(info);
  expect(viewOf(remembered, []).roles).toEqual(roles);
  expect(detailsOf(remembered, [], new KeptState()).roles).toEqual(roles);
  expect(rolesOf(remembered.frameworkInfo)).toEqual(roles);
  expect(tableOf([viewOf(remembered, [])])).toContain(roles.join(","));
});
