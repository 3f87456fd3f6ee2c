import { type Offer_Operation, type Resource, Offer_Operation_Type as Type } from "../../../gen/mesos/v1/mesos.js";
import { popReservation, stripPersistence } from "./format.js";
import { Resources } from "./resources.js";

/** What an operation takes and what it makes of it. */
export interface Conversion {
  readonly consumed: Resources;
  readonly produced: Resources;
}

/** The conversion that a reservation or volume operation stands for. The operation is in the cluster's own form. */
export function conversionOf(operation: Offer_Operation): Conversion {
  switch (operation.type) {
    case Type.RESERVE:
      return convert(operation.reserve?.resources ?? [], popReservation, false);
    case Type.UNRESERVE:
      return convert(operation.unreserve?.resources ?? [], popReservation, true);
    case Type.CREATE:
      return convert(operation.create?.volumes ?? [], stripPersistence, false);
    case Type.DESTROY:
      return convert(operation.destroy?.volumes ?? [], stripPersistence, true);
    case Type.GROW_VOLUME:
      return growth(operation.growVolume?.volume, operation.growVolume?.addition);
    case Type.SHRINK_VOLUME:
      return shrinkage(operation.shrinkVolume?.volume, operation.shrinkVolume?.subtract?.value ?? 0);
    default:
      return { consumed: Resources.none, produced: Resources.none };
  }
}

/** `reverse`: the resources are what goes, and the simpler form is what comes. */
function convert(
  resources: readonly Resource[],
  simplify: (resource: Resource) => Resource,
  reverse: boolean,
): Conversion {
  const elaborate = Resources.of(resources);
  const simple = Resources.of(resources.map(simplify));
  return reverse ? { consumed: elaborate, produced: simple } : { consumed: simple, produced: elaborate };
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
