import { FrameworkInfo } from "../../gen/mesos/v1/mesos.js";
import { errorText } from "../../wire/errorText.js";
import { rolesOf } from "../mesos/messages/frameworkInfo.js";
import type { FrameworkRecord, StateView, TaskRecord } from "../session/frameworkStore.js";

/** What is remembered of a framework, for people and programs. The names are part of the command's interface. */
export interface FrameworkView {
  readonly framework_name: string;
  readonly framework_id: string;
  readonly user: string;
  readonly roles: readonly string[];
  /** `open`: the bridge holds a session of it, or takes it up when it starts. */
  readonly state: "open" | "closed";
  /** When its client went; null while one is attached, and for a closed one. */
  readonly detached_since: string | null;
  readonly lease_seconds: number;
  readonly expiry_policy: string;
  /** Tasks that are not known to have ended. */
  readonly tasks: number;
}

export interface FrameworkDetails extends Omit<FrameworkView, "tasks"> {
  readonly suppressed_roles: readonly string[];
  readonly framework_info: unknown;
  readonly tasks: readonly { readonly task_id: string; readonly agent_id: string }[];
  /** What its scheduler has stored, without the values. In the order of the keys. */
  readonly keys: readonly { readonly key: string; readonly version: number; readonly bytes: number }[];
}

export function viewOf(record: FrameworkRecord, tasks: readonly TaskRecord[]): FrameworkView {
  const info = infoOf(record);
  const { open, detachedAtMs } = record;
  return {
    framework_name: record.frameworkName,
    framework_id: record.frameworkId,
    user: info.user ?? "",
    roles: rolesOf(record.frameworkInfo),
    state: open ? "open" : "closed",
    detached_since: open && detachedAtMs !== undefined ? new Date(detachedAtMs).toISOString() : null,
    lease_seconds: record.leaseMs / 1000,
    expiry_policy: record.expiryPolicy,
    tasks: tasks.length,
  };
}

export function detailsOf(record: FrameworkRecord, tasks: readonly TaskRecord[], state: StateView): FrameworkDetails {
  return {
    ...viewOf(record, tasks),
    suppressed_roles: record.suppressedRoles,
    framework_info: FrameworkInfo.toJSON(infoOf(record)),
    tasks: tasks.map(({ taskId, agentId }) => ({ task_id: taskId, agent_id: agentId })),
    keys: keysOf(state),
  };
}

function keysOf(state: StateView): FrameworkDetails["keys"] {
  const entries = [...state.keys()].sort().map((key) => state.find(key));
  return entries.flatMap((entry) =>
    entry ? [{ key: entry.key, version: entry.version, bytes: entry.value.length }] : [],
  );
}

function infoOf({ frameworkName, frameworkInfo }: FrameworkRecord): FrameworkInfo {
  try {
    return FrameworkInfo.decode(frameworkInfo);
  } catch (error) {
    const reason = errorText(error);
    throw new Error(`the stored record of the framework '${frameworkName}' can't be read: ${reason}`);
  }
}

/** One line per framework, under a line of headings. */
export function tableOf(views: readonly FrameworkView[]): string {
  const rows = views.map((view) => [
    view.framework_name,
    view.framework_id,
    view.user,
    view.roles.join(","),
    view.detached_since === null ? view.state : `${view.state}, no client since ${view.detached_since}`,
    String(view.tasks),
  ]);
  const table = [["NAME", "ID", "USER", "ROLES", "STATE", "TASKS"], ...rows].map((row) => row.map(printable));
  const widths = (table[0] ?? []).map((_, column) =>
    table.reduce((width, row) => Math.max(width, row[column]?.length ?? 0), 0),
  );
  const line = (row: readonly string[]) => row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join("  ");
  return table.map((row) => `${line(row).trimEnd()}\n`).join("");
}

/** Everything about one framework, one line per fact. */
export function textOf(details: FrameworkDetails): string {
  const { framework_info, tasks, keys, roles, suppressed_roles, detached_since, ...plain } = details;
  const facts: [string, string][] = Object.entries(plain).map(([name, value]) => [name, String(value)]);
  facts.push(["roles", roles.join(", ")]);
  if (suppressed_roles.length > 0) facts.push(["suppressed_roles", suppressed_roles.join(", ")]);
  if (detached_since !== null) facts.push(["detached_since", detached_since]);
  facts.push(["framework_info", JSON.stringify(framework_info)]);
  facts.push(["tasks", String(tasks.length)]);
  for (const { task_id, agent_id } of tasks) facts.push(["  task", `${task_id} on agent ${agent_id}`]);
  if (keys.length > 0) facts.push(["keys of state", String(keys.length)]);
  for (const { key, version, bytes } of keys) facts.push(["  key", `${key}, version ${version}, ${bytes} bytes`]);
  return facts.map(([name, value]) => `${`${name}:`.padEnd(18)}${printable(value)}\n`).join("");
}

/** Names come from clients, and must not steer a terminal. */
function printable(text: string): string {
  return text.replace(/\p{Cc}/gu, "?");
}
