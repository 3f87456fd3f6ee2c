import { FrameworkInfo } from "../../gen/mesos/v1/mesos.js";
import type { Call } from "../../gen/mesos/v1/scheduler/scheduler.js";
import { type Answer, textAnswer } from "../http/answer.js";
import type { Framework } from "./entities.js";
import { sendFrameworkUpdates, updateFramework } from "./frameworks.js";
import { invalidConstraints } from "./offerConstraints.js";
import type { MasterState } from "./state.js";
import { invalidFrameworkInfo, invalidSuppression } from "./subscribeValidation.js";

/** UPDATE_FRAMEWORK, the one call that is answered with its outcome. */
export function updateFrameworkCall(state: MasterState, framework: Framework, call: Call): Answer {
  const update = call.updateFramework;
  const info = update?.frameworkInfo;
  if (!update || !info) return textAnswer(400, "Expecting 'update_framework' to be present");
  const invalid = invalidFrameworkInfo(info);
  if (invalid !== undefined) return textAnswer(400, `Supplied FrameworkInfo is not valid: ${invalid}`);
  const changed = changedImmutable(framework.info, info);
  if (changed !== undefined) return textAnswer(400, `FrameworkInfo update is not valid: ${changed}`);
  const suppression = invalidSuppression(info, update.suppressedRoles);
  const constraints = update.offerConstraints && invalidConstraints(update.offerConstraints);
  if (suppression !== undefined) return textAnswer(400, `Supplied FrameworkInfo is not valid: ${suppression}`);
  if (constraints !== undefined) {
    return textAnswer(400, `'UpdateFramework.offer_constraints' are not valid: ${constraints}`);
  }
  const same = isSame(framework.info, info);
  updateFramework(state, framework, info, update.suppressedRoles, update.offerConstraints);
  if (!same) sendFrameworkUpdates(state, framework);
  return { status: 200 };
}

/** As Mesos compares them: the order of roles doesn't matter. */
function isSame(before: FrameworkInfo, after: FrameworkInfo): boolean {
  const bytes = (info: FrameworkInfo) =>
    FrameworkInfo.encode({ ...info, checkpoint: info.checkpoint ?? false, roles: [...info.roles].sort() }).finish();
  return Buffer.from(bytes(before)).equals(bytes(after));
}

function changedImmutable(before: FrameworkInfo, after: FrameworkInfo): string | undefined {
  if (before.principal !== after.principal) return "Changing framework's principal is not allowed.";
  const changes: Array<[string, unknown, unknown]> = [
    ["user", before.user, after.user],
    ["checkpoint", before.checkpoint ?? false, after.checkpoint ?? false],
  ];
  const changed = changes.find(([, old, wanted]) => old !== wanted);
  if (!changed) return undefined;
  const [name, old, wanted] = changed;
  return `Updating 'FrameworkInfo.${name}' is unsupported; attempted to update from '${old ?? ""}' to '${wanted ?? ""}'`;
}
