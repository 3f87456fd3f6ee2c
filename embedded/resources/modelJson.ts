import { downgradeResource } from "./format.js";
import { reservationRole } from "./identity.js";
import { Resources } from "./resources.js";
import { amountText, scalarValue } from "./value.js";

/** Resources as the state endpoints show them: one number or text by name. */
export function modelResources(resources: Resources): Record<string, number | string> {
  const model: Record<string, number | string> = { disk: 0, mem: 0, gpus: 0, cpus: 0 };
  for (const [name, amount] of resources.amountsByName()) {
    model[name] = amount.kind === "scalar" ? scalarValue(amount) : amountText(amount);
  }
  return model;
}

/** Reserved resources by role. */
export function modelReserved(resources: Resources): Record<string, Record<string, number | string>> {
  const roles = new Set<string>();
  for (const resource of resources.list()) roles.add(reservationRole(resource) ?? "*");
  roles.delete("*");
  const models = [...roles].map((role) => {
    const reserved = resources.filter((resource) => reservationRole(resource) === role);
    return [role, modelResources(reserved)] as const;
  });
  return Object.fromEntries(models);
}

export function unreserved(resources: Resources): Resources {
  return resources.filter((resource) => reservationRole(resource) === undefined);
}

/** Resources as operators see them: both formats at once, where there is a form in the older one. */
export function operatorResources(resources: Resources): ReturnType<Resources["list"]> {
  return resources.list().map((resource) => {
    if (resource.reservations.length > 1) return resource;
    return { ...downgradeResource(resource), reservations: resource.reservations };
  });
}

export function sum(parts: Iterable<Resources>): Resources {
  let total = Resources.none;
  for (const part of parts) total = total.plus(part);
  return total;
}
