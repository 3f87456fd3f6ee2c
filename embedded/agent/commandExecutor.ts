/**
 * The executor of command tasks and task groups as a process of its own, which outlives its agent: it runs the tasks
 * that the agent sends, until all have ended and the agent has stored all updates.
 */
import { AgentSession } from "../../executor/library/agentSession.js";
import { readExecutorEnvironment } from "../../executor/library/environment.js";
import { systemClock } from "../clock.js";
import { TaskRunner } from "./taskRunner.js";

const environment = readExecutorEnvironment();
const over = new AbortController();

const session = new AgentSession(environment, {
  onSubscribed: () => {},
  onDisconnected: () => {},
  onEvent: (event) => runner.handle(event),
  log: (line) => console.error(line),
});

const runner = new TaskRunner({
  clock: systemClock,
  sandbox: process.cwd(),
  env: Object.fromEntries(
    Object.entries(process.env).flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])),
  ),
  shutdownGraceMs: environment.shutdownGraceMs,
  tellsKilling: () => session.knowsKilling,
  isSettled: () => session.unacknowledged === 0,
  update: (status) => session.update(status),
  onEnd: () => over.abort(),
});

const end = await session.hold(over.signal);
if (end.kind !== "closed") {
  console.error(`The agent is lost: ${end.message}`);
  runner.abandon();
}
process.exit(end.kind === "closed" ? 0 : 1);
