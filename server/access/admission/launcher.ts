import type { FrameworkRecord } from "../../session/frameworkStore.js";
import type { Identity } from "../identity.js";

/** Who launches, for which framework. */
export interface Launcher {
  readonly identity: Identity;
  readonly framework: FrameworkRecord;
}
