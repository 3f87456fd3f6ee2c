import type { Resources } from "../resources/resources.js";

/** What is left of accepted offers while the operations on them are carried out. */
export interface Remainder {
  /** With allocation info. */
  available: Resources;
  /** What operations made of it, as reservations and volumes. */
  converted: Resources;
}
