import type { CelInput } from "@bufbuild/cel";
import { type DescMessage, fromBinary, type Registry } from "@bufbuild/protobuf";
import { type ReflectMessage, reflect } from "@bufbuild/protobuf/reflect";
import type { Scope } from "./typeCheck.js";
import { listOf, messageOf, scalar } from "./types.js";

/** What rules look at: one task of a launch. */
export interface Subject {
  readonly task: ReflectMessage;
  /** The task group's, or the task's own; empty if there is none. */
  readonly executor: ReflectMessage;
  /** The tasks of the task group; empty for a task that is launched alone. */
  readonly group: readonly ReflectMessage[];
  readonly framework: ReflectMessage;
  /** Whose rights something of the launch has: one of `usersOf`. */
  readonly user: string;
  /** All names of the client; none while clients are not authenticated. */
  readonly identity: readonly string[];
}

/** The messages that rules look at. */
export class SubjectTypes {
  readonly task: DescMessage;
  readonly executor: DescMessage;
  readonly framework: DescMessage;

  /** @throws Error if the registry lacks one of them */
  constructor(registry: Registry) {
    const type = (name: string) => {
      const found = registry.getMessage(`mesos.v1.${name}`);
      if (!found) throw new Error(`no message type mesos.v1.${name} in the descriptors`);
      return found;
    };
    this.task = type("TaskInfo");
    this.executor = type("ExecutorInfo");
    this.framework = type("FrameworkInfo");
  }

  /** The names that a rule may use. */
  get scope(): Scope {
    return new Map([
      ["task", messageOf(this.task)],
      ["executor", messageOf(this.executor)],
      ["group", listOf(messageOf(this.task))],
      ["framework", messageOf(this.framework)],
      ["user", scalar("string")],
      ["identity", listOf(scalar("string"))],
    ]);
  }
}

/** Decodes a message. @throws Error if the bytes are not such a message */
export function decoded(type: DescMessage, bytes: Uint8Array): ReflectMessage {
  return reflect(type, fromBinary(type, bytes));
}

/** The variables that an evaluation sees. */
export function variablesOf(subject: Subject): Record<string, CelInput> {
  const { task, executor, group, framework, user, identity } = subject;
  return { task, executor, group, framework, user, identity };
}

/** What a task and its launch run as. */
export interface Launched {
  readonly task: ReflectMessage;
  readonly executor: ReflectMessage;
  readonly framework: ReflectMessage;
}

/**
 * The users as which something of the launch runs, each once. The first is the task's: its command's, else the executor's,
 * else the framework's. Then come those of its executor and of its checks.
 */
export function usersOf({ task, executor, framework }: Launched): readonly string[] {
  const executorUser = commandUser(executor) || text(framework, "user");
  const users = new Set([commandUser(task) || executorUser]);
  // Without a command and a container it is Mesos's own, which runs nothing but the tasks.
  if (part(executor, "command") || part(executor, "container")) users.add(executorUser);
  for (const check of [part(task, "health_check"), commandCheck(task)]) {
    const user = check === undefined ? "" : commandUser(check);
    if (user !== "") users.add(user);
  }
  return [...users];
}

function commandCheck(task: ReflectMessage): ReflectMessage | undefined {
  const check = part(task, "check");
  return check && part(check, "command");
}

/** The user of a message's `command`; "" if it has none. */
function commandUser(message: ReflectMessage): string {
  const command = part(message, "command");
  return command ? text(command, "user") : "";
}

/** A field that is a message; undefined if it is not set. */
function part(message: ReflectMessage, name: string): ReflectMessage | undefined {
  const field = message.desc.fields.find((known) => known.name === name);
  return field?.fieldKind === "message" && message.isSet(field) ? message.get(field) : undefined;
}

/** A field that is a text; "" if it is not set. */
export function text(message: ReflectMessage, name: string): string {
  const field = message.desc.fields.find((known) => known.name === name);
  const value: unknown = field?.fieldKind === "scalar" ? message.get(field) : undefined;
  return typeof value === "string" ? value : "";
}

/** The value of an id message, such as `task_id`; "" if it is not set. */
export function idOf(message: ReflectMessage, name: string): string {
  const id = part(message, name);
  return id ? text(id, "value") : "";
}
