import type { WatchEventsRequest } from "../../gen/mesosbridge/v1/observer.js";
import { EventType } from "../mesos/messages/events.js";
import { invalidField } from "../session/errors.js";
import type { Observation } from "../session/observerHub.js";

/** Which observations a WatchEvents request asks for. @throws BridgeError INVALID_FIELD */
export function eventFilter(request: WatchEventsRequest): (observation: Observation) => boolean {
  const types = new Set(request.types.map(typeOf));
  const taskId = request.taskId?.value ?? "";
  const agentId = request.agentId?.value ?? "";
  const mesosOnly = types.size > 0 || taskId !== "" || agentId !== "";
  return (observation) => {
    if (observation.kind !== "event") return false;
    if (request.frameworkName !== "" && observation.frameworkName !== request.frameworkName) return false;
    const { body } = observation.event;
    if (body.kind !== "mesos") return !mesosOnly;
    if (types.size > 0 && !types.has(body.type)) return false;
    return (taskId === "" || body.taskId === taskId) && (agentId === "" || body.agentId === agentId);
  };
}

const TYPES: ReadonlyMap<string, number> = new Map(
  Object.entries(EventType).filter((entry): entry is [string, EventType] => typeof entry[1] === "number"),
);

function typeOf(name: string, index: number): number {
  const type = TYPES.get(name);
  if (type !== undefined && type !== EventType.UNKNOWN) return type;
  const names = [...TYPES.keys()].filter((known) => known !== "UNKNOWN" && known !== "UNRECOGNIZED");
  throw invalidField(`types[${index}]`, `'${name}' is not an event type: use ${names.join(", ")}`);
}
