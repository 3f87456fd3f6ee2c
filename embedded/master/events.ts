import {
  FrameworkInfo_Capability_Type as Capability,
  InverseOffer as InverseOfferMessage,
  type MasterInfo,
  Offer as OfferMessage,
  type OperationStatus,
  type Resource,
  type TaskStatus,
} from "../../gen/mesos/v1/mesos.js";
import { type Event, Event_Type } from "../../gen/mesos/v1/scheduler/scheduler.js";
import { downgradeResource } from "../resources/format.js";
import type { Agent, Framework, InverseOffer, Offer } from "./entities.js";
import { hasCapability } from "./frameworkInfo.js";

/** The events of a scheduler's stream, each in the form that its framework understands. */
export const events = {
  subscribed(frameworkId: string, masterInfo: MasterInfo, heartbeatIntervalSeconds: number): Event {
    const subscribed = { frameworkId: { value: frameworkId }, heartbeatIntervalSeconds, masterInfo };
    return { type: Event_Type.SUBSCRIBED, subscribed };
  },
  heartbeat(): Event {
    return { type: Event_Type.HEARTBEAT };
  },
  error(message: string): Event {
    return { type: Event_Type.ERROR, error: { message } };
  },
  offers(framework: Framework, offers: readonly Offer[]): Event {
    return { type: Event_Type.OFFERS, offers: { offers: offers.map((offer) => offerMessage(framework, offer)) } };
  },
  rescind(offerId: string): Event {
    return { type: Event_Type.RESCIND, rescind: { offerId: { value: offerId } } };
  },
  inverseOffers(framework: Framework, offers: readonly InverseOffer[]): Event {
    const inverseOffers = offers.map((offer) => inverseOfferMessage(framework, offer));
    return { type: Event_Type.INVERSE_OFFERS, inverseOffers: { inverseOffers } };
  },
  rescindInverseOffer(id: string): Event {
    return { type: Event_Type.RESCIND_INVERSE_OFFER, rescindInverseOffer: { inverseOfferId: { value: id } } };
  },
  update(status: TaskStatus): Event {
    return { type: Event_Type.UPDATE, update: { status } };
  },
  operationUpdate(framework: Framework, status: OperationStatus): Event {
    const convertedResources = status.convertedResources.map((resource) => resourceFor(framework, resource));
    return {
      type: Event_Type.UPDATE_OPERATION_STATUS,
      updateOperationStatus: { status: { ...status, convertedResources } },
    };
  },
  message(agentId: string, executorId: string, data: Buffer): Event {
    const message = { agentId: { value: agentId }, executorId: { value: executorId }, data };
    return { type: Event_Type.MESSAGE, message };
  },
  agentLost(agentId: string): Event {
    return { type: Event_Type.FAILURE, failure: { agentId: { value: agentId } } };
  },
  executorEnded(agentId: string, executorId: string, status: number): Event {
    const failure = { agentId: { value: agentId }, executorId: { value: executorId }, status };
    return { type: Event_Type.FAILURE, failure };
  },
};

/** A resource as the framework can read it: its capabilities decide the format and whether it sees allocations. */
export function resourceFor(framework: Framework, resource: Resource): Resource {
  const multiRole = hasCapability(framework.info, Capability.MULTI_ROLE);
  const seen = multiRole ? resource : { ...resource, allocationInfo: undefined };
  return hasCapability(framework.info, Capability.RESERVATION_REFINEMENT) ? seen : downgradeResource(seen);
}

/** The agent's address as schedulers see it. */
function agentUrl({ pid, hostname }: Agent): NonNullable<OfferMessage["url"]> {
  const [name = "", address = ""] = pid.split("@");
  const [ip = "", port = "0"] = address.split(":");
  return { scheme: "http", address: { hostname, ip, port: Number(port) }, path: `/${name}`, query: [] };
}

export function offerMessage(framework: Framework, offer: Offer): OfferMessage {
  const { agent } = offer;
  return OfferMessage.create({
    id: { value: offer.id },
    frameworkId: { value: framework.id },
    agentId: { value: agent.id },
    hostname: agent.hostname,
    url: agentUrl(agent),
    domain: agent.info.domain,
    resources: offer.resources.list().map((resource) => resourceFor(framework, resource)),
    attributes: agent.info.attributes,
    executorIds: [...(agent.executors.get(framework.id)?.keys() ?? [])].map((value) => ({ value })),
    allocationInfo: hasCapability(framework.info, Capability.MULTI_ROLE) ? { role: offer.role } : undefined,
    unavailability: agent.unavailability,
  });
}

export function inverseOfferMessage(
  framework: Framework,
  { id, agent, unavailability }: InverseOffer,
): InverseOfferMessage {
  return InverseOfferMessage.create({
    id: { value: id },
    url: agentUrl(agent),
    frameworkId: { value: framework.id },
    agentId: { value: agent.id },
    unavailability,
  });
}
