import { readFileSync } from "node:fs";
import {
  type ExecutorInfo,
  FrameworkInfo,
  type Offer_Operation,
  Offer_Operation_Type as OperationType,
  type TaskInfo,
} from "../../../../gen/mesos/v1/mesos.js";
import { Call_Accept } from "../../../../gen/mesos/v1/scheduler/scheduler.js";
import { Admission } from "../../../../server/access/admission/admission.js";
import type { Launcher } from "../../../../server/access/admission/launcher.js";
import { Observations } from "../../../../server/access/admission/observations.js";
import { RuleEngine } from "../../../../server/access/admission/rule.js";
import type { RuleText } from "../../../../server/access/admission/ruleText.js";
import type { AuditEvent } from "../../../../server/access/audit/audit.js";
import { ANONYMOUS, type Identity } from "../../../../server/access/identity.js";
import { BridgeError } from "../../../../server/session/errors.js";
import { registryOf } from "../../../../server/validation/validator.js";
import { at } from "../../../support/paths.js";
import { VirtualClock } from "../../../support/virtualClock.js";
import { keptLog } from "../../session/samples.js";

export type PartialTask = Parameters<typeof TaskInfo.fromPartial>[0];
type PartialExecutor = Parameters<typeof ExecutorInfo.fromPartial>[0];
type PartialFramework = Parameters<typeof FrameworkInfo.fromPartial>[0];
type PartialOperation = Parameters<typeof Offer_Operation.fromPartial>[0];

export const registry = registryOf(readFileSync(at("gen/descriptors.binpb")));
export const engine = new RuleEngine(registry);

export function ruleText(expression: string, more: Partial<RuleText> = {}): RuleText {
  return { name: "rule", expression, mode: "deny", message: "do something else", ...more };
}

/** The payload of an ACCEPT that launches tasks one by one. */
export function launchOf(...tasks: PartialTask[]): Uint8Array {
  return acceptOf({ type: OperationType.LAUNCH, launch: { taskInfos: tasks } });
}

/** The payload of an ACCEPT that launches a task group. */
export function groupOf(executor: PartialExecutor, ...tasks: PartialTask[]): Uint8Array {
  return acceptOf({ type: OperationType.LAUNCH_GROUP, launchGroup: { executor, taskGroup: { tasks } } });
}

export function acceptOf(...operations: PartialOperation[]): Uint8Array {
  return Call_Accept.encode(Call_Accept.fromPartial({ offerIds: [{ value: "offer" }], operations })).finish();
}

export function launcherOf(framework: PartialFramework = { user: "nobody" }, identity: Identity = ANONYMOUS): Launcher {
  return {
    identity,
    framework: {
      frameworkName: "jobs",
      frameworkId: "id",
      frameworkInfo: FrameworkInfo.encode(FrameworkInfo.fromPartial(framework)).finish(),
      suppressedRoles: [],
      offerConstraints: Buffer.alloc(0),
      leaseMs: 60_000,
      expiryPolicy: "disconnect",
      open: true,
      detachedAtMs: undefined,
    },
  };
}

/** An admission by these rules, and what it logs and audits. */
export function admissionBy(...rules: readonly (string | RuleText)[]) {
  const compiled = rules.map((rule) => engine.compile(typeof rule === "string" ? ruleText(rule) : rule));
  const { log, lines } = keptLog();
  const clock = new VirtualClock();
  const audited: AuditEvent[] = [];
  const observations = new Observations(log, clock, {
    kept: true,
    record: (event) => audited.push(event),
    count: () => {},
  });
  return { admission: new Admission(engine, compiled, observations), lines, audited, clock };
}

/** Why a launch is refused by rules; undefined if it is not. */
export function denial(
  rules: string | readonly (string | RuleText)[],
  accepted: Uint8Array,
  launcher = launcherOf(),
): BridgeError | undefined {
  const { admission } = admissionBy(...(typeof rules === "string" ? [rules] : rules));
  return denialBy(admission, accepted, launcher);
}

export function denialBy(admission: Admission, accepted: Uint8Array, launcher = launcherOf()): BridgeError | undefined {
  try {
    admission.check(accepted, launcher);
    return undefined;
  } catch (error) {
    if (error instanceof BridgeError) return error;
    throw error;
  }
}
