import type { WatchEventsRequest } from "../../gen/mesosbridge/v1/observer.js";
import { EventType } from "../mesos/messages/events.js";
import { invalidField } from "../session/errors.js";
import type { Observation } from "../session/observerHub.js";

/** Which observations a WatchEvents request asks for. @throws BridgeError INVALID_FIELD */
export function eventFilter(request: WatchEventsRequest): (observation: Observation) => boolean {
  const types: ReadonlySet<number> = new Set(request.types.map(typeOf));
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

/** Those that events have: the generated enum has two more, for what has no type and for what its reader does not know. */
const TYPES: ReadonlyMap<string, EventType> = new Map(
  Object.entries(EventType).filter(
    (entry): entry is [string, EventType] => typeof entry[1] === "number" && entry[1] > EventType.UNKNOWN,
  ),
);

function typeOf(name: string, index: number): EventType {
  const type = TYPES.get(name);
  if (type !== undefined) return type;
  throw invalidField(`types[${index}]`, `'${name}' is not an event type: use ${[...TYPES.keys()].join(", ")}`);
}
