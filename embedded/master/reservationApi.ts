import { type Call, Call_Type } from "../../gen/mesos/v1/master/master.js";
import { Offer_Operation, Resource, Offer_Operation_Type as Type } from "../../gen/mesos/v1/mesos.js";
import { parseJson } from "../codec/jsonText.js";
import { type MessageType, messageFromJson } from "../codec/messages.js";
import { type Answer, type Request, refuseUnlessPost, textAnswer } from "../http/answer.js";
import { decodeForm } from "../http/formBody.js";
import { operate } from "./operatorReservations.js";
import type { MasterState } from "./state.js";
import { invalidResources } from "./validation/resources.js";

const RESOURCE: MessageType<Resource> = { name: "mesos.v1.Resource", fns: Resource };

interface Form {
  /** What the endpoint does, by what its form's lists hold. */
  readonly operation: (lists: { list: Resource[]; source: Resource[] }) => Partial<Offer_Operation>;
  /** The list that has to be there. */
  readonly list: "resources" | "volumes";
  readonly hasSource: boolean;
}

const FORMS: ReadonlyMap<string, Form> = new Map<string, Form>([
  [
    "/reserve",
    {
      operation: ({ list, source }) => ({ type: Type.RESERVE, reserve: { resources: list, source } }),
      list: "resources",
      hasSource: true,
    },
  ],
  [
    "/unreserve",
    {
      operation: ({ list }) => ({ type: Type.UNRESERVE, unreserve: { resources: list } }),
      list: "resources",
      hasSource: false,
    },
  ],
  [
    "/create-volumes",
    {
      operation: ({ list }) => ({ type: Type.CREATE, create: { volumes: list } }),
      list: "volumes",
      hasSource: false,
    },
  ],
  [
    "/destroy-volumes",
    {
      operation: ({ list }) => ({ type: Type.DESTROY, destroy: { volumes: list } }),
      list: "volumes",
      hasSource: false,
    },
  ],
]);

/** What is wrong with a call about reservations or volumes before the agent is looked at, or undefined. */
export function invalidReservationCall(call: Call): string | undefined {
  switch (call.type) {
    case Call_Type.RESERVE_RESOURCES:
      return invalidResources(call.reserveResources?.resources ?? []);
    case Call_Type.UNRESERVE_RESOURCES:
      return invalidResources(call.unreserveResources?.resources ?? []);
    case Call_Type.GROW_VOLUME:
      return call.growVolume?.agentId ? undefined : NO_AGENT;
    case Call_Type.SHRINK_VOLUME:
      return call.shrinkVolume?.agentId ? undefined : NO_AGENT;
    default:
      return undefined;
  }
}

const NO_AGENT = "Expecting 'agent_id' to be present; only agent default resources are supported right now";

/** The calls about reservations and volumes among those of the operator API; undefined for any other. */
export function reservationCall(state: MasterState, call: Call): Answer | undefined {
  const asked = operationOf(call);
  return asked && operate(state, asked.agentId?.value ?? "", operation(asked.operation));
}

interface Asked {
  readonly agentId?: { readonly value?: string | undefined } | undefined;
  readonly operation: Partial<Offer_Operation>;
}

function operationOf(call: Call): Asked | undefined {
  const { reserveResources, unreserveResources, createVolumes, destroyVolumes, growVolume, shrinkVolume } = call;
  switch (call.type) {
    case Call_Type.RESERVE_RESOURCES:
      return reserveResources && asked(reserveResources, { type: Type.RESERVE, reserve: reserveResources });
    case Call_Type.UNRESERVE_RESOURCES:
      return unreserveResources && asked(unreserveResources, { type: Type.UNRESERVE, unreserve: unreserveResources });
    case Call_Type.CREATE_VOLUMES:
      return createVolumes && asked(createVolumes, { type: Type.CREATE, create: createVolumes });
    case Call_Type.DESTROY_VOLUMES:
      return destroyVolumes && asked(destroyVolumes, { type: Type.DESTROY, destroy: destroyVolumes });
    case Call_Type.GROW_VOLUME:
      return growVolume && asked(growVolume, { type: Type.GROW_VOLUME, growVolume });
    case Call_Type.SHRINK_VOLUME:
      return shrinkVolume && asked(shrinkVolume, { type: Type.SHRINK_VOLUME, shrinkVolume });
    default:
      return undefined;
  }
}

function asked({ agentId }: Pick<Asked, "agentId">, operation: Partial<Offer_Operation>): Asked {
  return { agentId, operation };
}

/** `/reserve`, `/unreserve`, `/create-volumes` and `/destroy-volumes` with all below them; undefined for any other path. */
export function handleReservations(state: MasterState, path: string, request: Request): Answer | undefined {
  const [, name = ""] = path.split("/");
  const form = FORMS.get(`/${name}`);
  if (!form) return undefined;
  return refuseUnlessPost(request) ?? submit(state, form, `/${name}`, request);
}

function submit(state: MasterState, form: Form, name: string, request: Request): Answer {
  let values: Map<string, string>;
  try {
    values = decodeForm(request.body.toString("utf8"));
  } catch (error) {
    return textAnswer(400, `Unable to decode query string: ${messageOf(error)}`);
  }
  const agentId = values.get("slaveId");
  if (agentId === undefined) return missing("slaveId");
  const text = values.get(form.list);
  if (text === undefined) return missing(form.list);
  const list = parseList(form.list, text, name);
  if ("refusal" in list) return list.refusal;
  const source = parseList("source", (form.hasSource ? values.get("source") : undefined) ?? "[]", name);
  if ("refusal" in source) return source.refusal;
  return operate(state, agentId, operation(form.operation({ list: list.resources, source: source.resources })));
}

function missing(parameter: string): Answer {
  return textAnswer(400, `Missing '${parameter}' query parameter in the request body`);
}

function parseList(parameter: string, text: string, name: string): { resources: Resource[] } | { refusal: Answer } {
  try {
    const value = parseJson(text);
    if (!Array.isArray(value)) throw new Error("Unexpected JSON type parsed");
    return { resources: value.map((each) => messageFromJson(RESOURCE, each)) };
  } catch (error) {
    const failed = name === "/reserve" ? "Error parsing" : "Error in parsing";
    return {
      refusal: textAnswer(400, `${failed} '${parameter}' query parameter in the request body: ${messageOf(error)}`),
    };
  }
}

/** The older parts of an operation are lists that have to be there. */
function operation(parts: Partial<Offer_Operation>): Offer_Operation {
  return { ...Offer_Operation.create(), ...parts };
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
