import { type Offer_Operation, type Resource, Offer_Operation_Type as Type } from "../../gen/mesos/v1/mesos.js";
import { popReservation, stripPersistence } from "./format.js";
import { Resources } from "./resources.js";

/** What a step of an operation takes and what it makes of it. */
export interface Conversion {
  readonly consumed: Resources;
  readonly produced: Resources;
}

/** What is left after the operation, or what there is too little of, in Mesos's words. */
export function convert(available: Resources, operation: Offer_Operation): { left: Resources } | { lacking: string } {
  let left = available;
  for (const { consumed, produced } of conversionsOf(operation)) {
    if (!left.contains(consumed)) return { lacking: `${left} does not contain ${consumed}` };
    left = left.minus(consumed).plus(produced);
  }
  return { left };
}

/**
 * The steps of a reservation or volume operation, which may build on one another. Mesos reserves all at once, and takes the
 * resources of the others one by one. The operation is in the cluster's own form.
 */
export function conversionsOf(operation: Offer_Operation): Conversion[] {
  switch (operation.type) {
    case Type.RESERVE:
      return [reservation(operation.reserve?.resources ?? [], operation.reserve?.source ?? [])];
    case Type.UNRESERVE:
      return (operation.unreserve?.resources ?? []).map((resource) => reversed(conversion(resource, popReservation)));
    case Type.CREATE:
      return (operation.create?.volumes ?? []).map((volume) => conversion(volume, stripPersistence));
    case Type.DESTROY:
      return (operation.destroy?.volumes ?? []).map((volume) => reversed(conversion(volume, stripPersistence)));
    case Type.GROW_VOLUME:
      return [growth(operation.growVolume?.volume, operation.growVolume?.addition)];
    case Type.SHRINK_VOLUME:
      return [shrinkage(operation.shrinkVolume?.volume, operation.shrinkVolume?.subtract?.value ?? 0)];
    default:
      return [];
  }
}

/** `source` is what the resources were before; without it they had one reservation less. */
function reservation(resources: readonly Resource[], source: readonly Resource[]): Conversion {
  const before = source.length > 0 ? source : resources.map(popReservation);
  return { consumed: Resources.of(before), produced: Resources.of(resources) };
}

/** From the simpler form of a resource to the resource. */
function conversion(resource: Resource, simplify: (resource: Resource) => Resource): Conversion {
  return { consumed: Resources.of([simplify(resource)]), produced: Resources.of([resource]) };
}

function reversed({ consumed, produced }: Conversion): Conversion {
  return { consumed: produced, produced: consumed };
}

function growth(volume: Resource | undefined, addition: Resource | undefined): Conversion {
  if (!volume || !addition) return { consumed: Resources.none, produced: Resources.none };
  return {
    consumed: Resources.of([volume, addition]),
    produced: Resources.of([resized(volume, (volume.scalar?.value ?? 0) + (addition.scalar?.value ?? 0))]),
  };
}

function shrinkage(volume: Resource | undefined, subtract: number): Conversion {
  if (!volume) return { consumed: Resources.none, produced: Resources.none };
  const rest = (volume.scalar?.value ?? 0) - subtract;
  return {
    consumed: Resources.of([volume]),
    produced: Resources.of([resized(volume, rest), resized(stripPersistence(volume), subtract)]),
  };
}

function resized(resource: Resource, value: number): Resource {
  return { ...resource, scalar: { value } };
}
