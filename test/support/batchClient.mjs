// A scheduler over the TypeScript client library that runs short tasks, each exactly once, through whatever a test does
// to it, to the bridge and to Mesos. What it has begun and seen the end of is in a ledger, so that the next one can go
// on after a kill -9. It writes what it sees as lines of JSON.
import { appendFileSync, existsSync, readFileSync } from "node:fs";
import { Scheduler, TaskState } from "../../dist/clients/typescript/index.js";

const { bridge, frameworkName, count, ledger, command, leaseMs, standby } = JSON.parse(process.argv[2] ?? "{}");
const TERMINAL = new Set(["FINISHED", "FAILED", "KILLED", "LOST", "ERROR", "DROPPED", "GONE", "GONE_BY_OPERATOR"]);
const ACTIVE = new Set(["STAGING", "STARTING", "RUNNING"]);
/** Mesos does not know the task: it never began, or it would have told of its end. */
const UNKNOWN = new Set(["UNKNOWN", "GONE", "DROPPED", "LOST"]);

const say = (line) => process.stdout.write(`${JSON.stringify(line)}\n`);
const note = (kind, task) => appendFileSync(ledger, `${kind} ${task}\n`);

/** By task id: to do, in doubt (it may have been launched), launched, ended. */
const tasks = new Map(Array.from({ length: count }, (_, i) => [`${frameworkName}.${i}`, "to do"]));
load();

/** Takes what others have begun and seen the end of. One that stood still may say late that it begins what has ended. */
function load() {
  for (const line of existsSync(ledger) ? readFileSync(ledger, "utf8").split("\n") : []) {
    const [kind, task] = line.split(" ");
    if (kind === "begin" && tasks.get(task) !== "ended") tasks.set(task, "in doubt");
    if (kind === "end") tasks.set(task, "ended");
  }
}
const idsOf = (...states) => [...tasks].filter(([, state]) => states.includes(state)).map(([id]) => id);

const scheduler = new Scheduler({
  bridge,
  frameworkName,
  frameworkInfo: {
    user: "root",
    name: frameworkName,
    roles: ["*"],
    failoverTimeout: 600,
    capabilities: [{ type: 6 }, { type: 5 }],
  },
  leaseMs,
  standby,
  backoff: { initialMs: 20, maxMs: 300 },
  deadlineMs: 40_000,
});
let linked = false;
let done = false;
let reconciling = Promise.resolve();
const timer = setInterval(reconcile, 1_000);

/** Asks for what is in doubt or has not ended, until all of it has. */
function reconcile() {
  const open = idsOf("in doubt", "launched");
  if (!linked || open.length === 0) return;
  reconciling = reconciling
    .then(() =>
      scheduler.reconcileTasks(
        open.map((value) => ({ taskId: { value } })),
        { deadlineMs: 3_000 },
      ),
    )
    .catch((error) => say({ kind: "reconcile failed", reason: error.reason }));
}

async function launch(offer) {
  const cpus = offer.resources.find(({ name }) => name === "cpus")?.scalar?.value ?? 0;
  const mem = offer.resources.find(({ name }) => name === "mem")?.scalar?.value ?? 0;
  const room = Math.max(0, Math.min(8, Math.floor(cpus / 0.1 + 1e-6), Math.floor(mem / 32)));
  const chosen = idsOf("to do").slice(0, room);
  if (chosen.length === 0) return scheduler.declineOffers([offer.id.value], 0.2).catch(() => {});
  for (const id of chosen) {
    note("begin", id);
    tasks.set(id, "in doubt");
  }
  try {
    await scheduler.launchTasks({
      offerIds: [offer.id],
      tasks: chosen.map((id) => taskInfo(id, offer.agentId)),
      filters: { refuseSeconds: 0.2 },
    });
    for (const id of chosen) if (tasks.get(id) === "in doubt") tasks.set(id, "launched");
    say({ kind: "launched", tasks: chosen });
  } catch (error) {
    say({ kind: "launch failed", reason: error.reason, unknown: error.outcomeUnknown });
    if (error.outcomeUnknown) return reconcile();
    for (const id of chosen) if (tasks.get(id) === "in doubt") tasks.set(id, "to do");
  }
}

const taskInfo = (id, agentId) => ({
  name: id,
  taskId: { value: id },
  agentId,
  command: { value: command.replaceAll("TASK", id) },
  resources: [
    { name: "cpus", type: 0, scalar: { value: 0.1 } },
    { name: "mem", type: 0, scalar: { value: 32 } },
  ],
});

function update({ status, ackToken }) {
  const id = status.taskId.value;
  const state = TaskState[status.state].replace("TASK_", "");
  // Answers that say that a task still runs come each second for each of them: they would push the rest out of the log.
  if (ackToken !== undefined || !ACTIVE.has(state)) {
    say({ kind: "update", task: id, state, owed: ackToken !== undefined, message: status.message });
  }
  const before = tasks.get(id);
  if (before === undefined || before === "ended") return;
  if (ackToken === undefined && UNKNOWN.has(state)) {
    // Only of one that is in doubt: what Mesos has taken it does not lose without an update.
    tasks.set(id, "to do");
  } else if (TERMINAL.has(state) && ackToken !== undefined) {
    note("end", id);
    tasks.set(id, "ended");
  } else if (!TERMINAL.has(state)) tasks.set(id, "launched");
}

say({ kind: "started" });
for await (const event of scheduler.events()) {
  if (event.kind === "update") update(event);
  else
    say({
      kind: event.kind,
      reason: event.reason ?? event.error?.reason,
      resumed: event.resumed,
      linked: event.linked,
    });
  // Others may have been active.
  if (event.kind === "opened" && !event.resumed) load();
  if (event.kind === "opened") linked = event.linked;
  if (event.kind === "standby") linked = false;
  if (event.kind === "link-changed") linked = event.linked;
  if (event.kind === "opened" || event.kind === "link-changed" || event.kind === "gap") reconcile();
  // Not awaited: calls wait for a bridge, and until then this would not see that there is none.
  if (event.kind === "offers") event.offers.forEach(launch);
  if (idsOf("ended").length === count && !done) {
    done = true;
    clearInterval(timer);
    // The update that was handled last is acknowledged once the next event is asked for.
    setImmediate(() => {
      finish().catch((error) => {
        console.error(error);
        process.exitCode = 1;
      });
    });
  }
}

async function finish() {
  await scheduler.close(20_000);
  say({ kind: "done", owed: scheduler.owedAcknowledgements });
}
