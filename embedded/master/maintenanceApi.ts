import { ClusterStatus, Schedule } from "../../gen/mesos/v1/maintenance/maintenance.js";
import { type Call, Call_Type } from "../../gen/mesos/v1/master/master.js";
import { MachineID } from "../../gen/mesos/v1/mesos.js";
import { parseJson } from "../codec/jsonText.js";
import { encodeMessage, JSON_TYPE, type MessageType, messageFromJson } from "../codec/messages.js";
import { type Answer, jsonAnswer, notFound, type Request, refuseUnless, textAnswer } from "../http/answer.js";
import type { AgentDesk } from "./agents.js";
import type { MasterState } from "./state.js";

const SCHEDULE: MessageType<Schedule> = { name: "mesos.v1.maintenance.Schedule", fns: Schedule };
const STATUS: MessageType<ClusterStatus> = { name: "mesos.v1.maintenance.ClusterStatus", fns: ClusterStatus };
const MACHINE: MessageType<MachineID> = { name: "mesos.v1.MachineID", fns: MachineID };
const OK: Answer = { status: 200 };

/** The older endpoints for operators: `/maintenance/schedule`, `/maintenance/status`, `/machine/down`, `/machine/up`. */
export function handleMaintenance(state: MasterState, agents: AgentDesk, path: string, request: Request): Answer {
  switch (path) {
    case "/maintenance/schedule":
      return refuseUnless(request, ["GET", "POST"]) ?? scheduleRequest(state, request);
    case "/maintenance/status":
      return refuseUnless(request, ["GET"]) ?? json(STATUS, maintenanceStatus(state));
    case "/machine/down":
      return refuseUnless(request, ["POST"]) ?? withMachines(request, (ids) => start(state, agents, ids));
    case "/machine/up":
      return refuseUnless(request, ["POST"]) ?? withMachines(request, (ids) => outcome(state.maintenance.stop(ids)));
    default:
      return notFound();
  }
}

/** The calls of maintenance among those of the operator API that change something; undefined for any other. */
export function maintenanceCall(state: MasterState, agents: AgentDesk, call: Call): Answer | undefined {
  switch (call.type) {
    case Call_Type.UPDATE_MAINTENANCE_SCHEDULE:
      return outcome(state.maintenance.update(call.updateMaintenanceSchedule?.schedule ?? { windows: [] }));
    case Call_Type.START_MAINTENANCE:
      return start(state, agents, call.startMaintenance?.machines ?? []);
    case Call_Type.STOP_MAINTENANCE:
      return outcome(state.maintenance.stop(call.stopMaintenance?.machines ?? []));
    default:
      return undefined;
  }
}

/** Machines that are to go down, with what frameworks answered for their agents, and those that are down. */
export function maintenanceStatus(state: MasterState): ClusterStatus {
  const { maintenance, inverseOffers } = state;
  return {
    drainingMachines: maintenance.machinesIn("draining").map(({ id }) => ({
      id,
      statuses: maintenance.agentsOn(id).flatMap((agent) => inverseOffers.answers(agent.id)),
    })),
    downMachines: maintenance.machinesIn("down").map(({ id }) => id),
  };
}

function scheduleRequest(state: MasterState, request: Request): Answer {
  if (request.method === "GET") return json(SCHEDULE, state.maintenance.schedule);
  return attempt(() => {
    const value = parseJson(request.body.toString("utf8"));
    if (!(value instanceof Map)) throw new Error("Unexpected JSON type parsed");
    return outcome(state.maintenance.update(messageFromJson(SCHEDULE, value)));
  });
}

function withMachines(request: Request, action: (ids: MachineID[]) => Answer): Answer {
  return attempt(() => {
    const value = parseJson(request.body.toString("utf8"));
    if (!Array.isArray(value)) throw new Error("Unexpected JSON type parsed");
    return action(value.map((each) => messageFromJson(MACHINE, each)));
  });
}

function start(state: MasterState, agents: AgentDesk, ids: readonly MachineID[]): Answer {
  return outcome(state.maintenance.start(ids, (machine) => agents.takeDown(machine)));
}

function outcome(refusal: string | undefined): Answer {
  return refusal === undefined ? OK : textAnswer(400, refusal);
}

/** What is wrong with a body is told in plain words, without a frame. */
function attempt(action: () => Answer): Answer {
  try {
    return action();
  } catch (error) {
    return textAnswer(400, error instanceof Error ? error.message : String(error));
  }
}

function json<T extends object>(type: MessageType<T>, message: T): Answer {
  return jsonAnswer(encodeMessage(type, message, JSON_TYPE).toString("utf8"));
}
