import { CheckInfo_Type, ExecutorInfo_Type, type Offer } from "../../../../gen/mesos/v1/mesos.js";
import {
  launch,
  launchExecutor,
  launchGroup,
  multiRole,
  newTask,
  type PartialTask,
  scalar,
  subscribe,
} from "./builders.js";
import type { StricterCall, StricterSubscribe } from "./example.js";

/** Texts that Mesos makes C strings of, which end at a NUL: what runs then is not what was checked. */

const TASK = "accept.operations[0].launch.task_infos[0]";
const GROUP = "accept.operations[0].launch_group";
const CUT = "root\0-svc";
const CONTROL = "must not contain control characters";
const NUL = "must not contain a NUL";

const asUser = (user: string) => ({ command: { value: "true", user } });
const taskWith =
  (more: PartialTask): StricterCall["bytes"] =>
  (offer: Offer) =>
    launch(offer, newTask(offer, more));

const users: readonly StricterCall[] = [
  { name: "a task", field: `${TASK}.command.user`, bytes: taskWith(asUser(CUT)) },
  {
    name: "an executor",
    field: `${TASK}.executor.command.user`,
    bytes: (offer: Offer) => launchExecutor(offer, asUser(CUT)),
  },
  {
    name: "a health check",
    field: `${TASK}.health_check.command.user`,
    bytes: taskWith({ healthCheck: { type: 1, ...asUser(CUT) } }),
  },
  {
    name: "a check",
    field: `${TASK}.check.command.command.user`,
    bytes: taskWith({ check: { type: CheckInfo_Type.COMMAND, command: asUser(CUT) } }),
  },
  {
    name: "a group's task",
    field: `${GROUP}.task_group.tasks[0].command.user`,
    bytes: (offer: Offer) => launchGroup(offer, {}, asUser(CUT)),
  },
  {
    name: "a group's executor",
    field: `${GROUP}.executor.command.user`,
    bytes: (offer: Offer) => launchGroup(offer, { type: ExecutorInfo_Type.CUSTOM, ...asUser(CUT) }),
  },
].map(({ name, ...more }) => ({ ...more, name: `the user of ${name} with a NUL`, says: CONTROL }));

export const stricterTexts: readonly StricterCall[] = [
  ...users,
  ...["\n", "\x01", "\x7f"].map((character) => ({
    name: `a user with the control character ${JSON.stringify(character)}`,
    field: `${TASK}.command.user`,
    bytes: taskWith(asUser(`root${character}`)),
    says: CONTROL,
  })),
  {
    name: "the role of a resource with a NUL",
    field: `${TASK}.resources[0].allocation_info.role`,
    bytes: taskWith({ resources: [{ ...scalar("cpus", 0.1), allocationInfo: { role: "*\0" } }] }),
    says: NUL,
  },
  {
    name: "a long argument with a NUL",
    field: `${TASK}.command.arguments[1]`,
    bytes: taskWith({ command: { shell: false, value: "/bin/true", arguments: ["true", `${"x".repeat(60)}\0`] } }),
    says: NUL,
  },
  {
    name: "the key of a map with a NUL",
    field: `${TASK}.limits["cpus\\u0000"]`,
    bytes: taskWith({ limits: { "cpus\0": { value: 1 } } }),
    says: NUL,
  },
];

export const stricterNames: readonly StricterSubscribe[] = [
  ...[CUT, "root\n"].map((user) => ({
    name: `the user ${JSON.stringify(user)}`,
    field: "framework_info.user",
    bytes: () => subscribe({ user }),
    says: CONTROL,
  })),
  ...(["name", "principal", "role"] as const).map((field) => ({
    name: `a ${field} with a NUL`,
    field: `framework_info.${field}`,
    bytes: () => subscribe({ [field]: "a\0b" }),
    says: NUL,
  })),
  {
    name: "one of several roles with a NUL",
    field: "framework_info.roles[1]",
    bytes: () => subscribe({ ...multiRole, roles: ["a", "b\0c"] }),
    says: NUL,
  },
];
