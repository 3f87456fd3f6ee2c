import type { Resource } from "../../gen/mesos/v1/mesos.js";
import { Resources } from "./resources.js";

const COMMON = ["cpus", "mem", "disk"];

/** Offers name what every agent has last, and after it what is reserved. */
export function inOfferOrder(total: Resources): Resources {
  const place = ({ name, reservations }: Resource) =>
    reservations.length > 0 ? COMMON.length : COMMON.indexOf(name ?? "");
  return Resources.of([...total.list()].sort((a, b) => place(a) - place(b)));
}
