import type { Offer_Operation, Resource } from "../../../gen/mesos/v1/mesos.js";
import { messageSchema } from "../../codec/schema.js";
import { sortedJson } from "../../codec/sortedJson.js";
import { toJson } from "../../codec/toJson.js";
import { isDynamicallyReserved, reservationIdentity, reservationRole } from "../../resources/identity.js";
import { Resources } from "../../resources/resources.js";
import type { Framework } from "../entities.js";
import { invalidInfos, invalidOperands, text } from "./disk.js";
import { prefixed } from "./errors.js";

/** What is wrong with a RESERVE, apart from there being too little. Without a framework it is an operator's. */
export function invalidReserve(operation: Offer_Operation, framework: Framework | undefined): string | undefined {
  const { resources = [], source = [] } = operation.reserve ?? {};
  const invalid =
    prefixed("Invalid resources: ", invalidInfos(resources)) ??
    (source.length > 0 ? invalidSource(resources, source) : undefined) ??
    invalidOperands(resources);
  if (invalid !== undefined) return invalid;
  for (const resource of resources) {
    if (!isDynamicallyReserved(resource)) return `Resource ${text(resource)} is not dynamically reserved`;
    const error = framework
      ? (foreignReservation(resource, framework) ?? misplacedReservation(resource))
      : allocatedReservation(resource);
    if (error !== undefined) return error;
  }
  return undefined;
}

/** A reservation of what has another one: both sides are of one reservation each, and of the same amounts. */
function invalidSource(resources: readonly Resource[], source: readonly Resource[]): string | undefined {
  const invalid =
    prefixed("Invalid source: ", invalidInfos(source) ?? mixedReservations(source)) ??
    prefixed("Invalid resources: ", mixedReservations(resources));
  if (invalid !== undefined) return invalid;
  const [from, to] = [source, resources].map((list) => Resources.of(list.map(unreserve)));
  if (!from || !to || from.equals(to)) return undefined;
  return `Source and target resources should refer to identical resource quantities: ${from} vs. ${to}`;
}

function unreserve(resource: Resource): Resource {
  return { ...resource, reservations: [] };
}

function mixedReservations(resources: readonly Resource[]): string | undefined {
  const kinds = new Set(resources.map(({ reservations }) => reservations.map(reservationIdentity).join("/")));
  if (kinds.size < 2) return undefined;
  const schema = messageSchema("mesos.v1.Resource");
  const list = resources.map((resource) => sortedJson(toJson(schema, resource)));
  return `Mixed reservations are not supported[${list.join(",")}]`;
}

function allocatedReservation(resource: Resource): string | undefined {
  if (!resource.allocationInfo) return undefined;
  return "A reserve operation was attempted with an allocated resource, but the operator API only allows reservations to be made to unallocated resources";
}

function foreignReservation(resource: Resource, framework: Framework): string | undefined {
  const own = framework.info.principal;
  const stated = resource.reservations.at(-1)?.principal;
  if (own === undefined || own === stated) return undefined;
  if (stated === undefined) {
    return `A reserve operation was attempted by principal '${own}', but there is a reserved resource in the request with no principal set`;
  }
  return `A reserve operation was attempted by authenticated principal '${own}', which does not match a reserved resource in the request with principal '${stated}'`;
}

function misplacedReservation(resource: Resource): string | undefined {
  const [reserved, allocated] = [reservationRole(resource), resource.allocationInfo?.role];
  if (reserved === allocated) return undefined;
  return `A reserve operation was attempted for a resource with role '${reserved}', but the resource was allocated to role '${allocated}'`;
}
