import { userInfo } from "node:os";
import type { AgentFramework, Executor } from "./executor.js";
import { prepareSandbox } from "./sandbox.js";
import type { AgentState } from "./state.js";
import { findUser } from "./users.js";

/** Why the executor can have no sandbox, in Mesos's words; undefined if it can. */
export function unpreparable(state: AgentState, framework: AgentFramework, executor: Executor): string | undefined {
  if (!givesSandboxes(state)) return undefined;
  const user = userOf(framework, executor);
  if (findUser(user)) return undefined;
  return `Failed to create executor directory '${executor.sandbox}': Failed to chown directory to '${user}': ${unknown(user)}`;
}

/** Makes the executor's sandbox, and logs a user that the cluster does not switch to. @throws Error in Mesos's words */
export async function prepareExecutor(state: AgentState, framework: AgentFramework, executor: Executor): Promise<void> {
  const user = userOf(framework, executor);
  const owner = givesSandboxes(state) ? findUser(user) : undefined;
  await prepareSandbox(executor.sandbox, owner);
  const own = executor.info.command?.user;
  if (own !== undefined && !findUser(own)) {
    throw new Error(`Failed to chown '${executor.sandbox}/stdout' to user '${own}' : ${unknown(own)}`);
  }
  const actual = runningUser();
  if (owner && user !== actual) {
    state.log(`executor ${executor.id} of framework ${framework.id} runs as ${actual}: '${user}' is not switched to`);
  }
}

/** As Mesos's agent with `switch_user`. */
function givesSandboxes(state: AgentState): boolean {
  return state.flags.text("switch_user") === "true";
}

function userOf(framework: AgentFramework, executor: Executor): string {
  return executor.info.command?.user ?? framework.info.user ?? "";
}

/** A number for one without a name, as in some containers. */
function runningUser(): string {
  try {
    return userInfo().username;
  } catch {
    return String(process.getuid?.());
  }
}

function unknown(user: string): string {
  return `No such user '${user}'`;
}
