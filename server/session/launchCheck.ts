import type { FrameworkRecord } from "./frameworkStore.js";

/**
 * Looks at the serialized `Call.Accept` of a client before anything is done about it. What it throws is the answer, and
 * is not kept for a repetition of the call.
 */
export type LaunchCheck = (accept: Uint8Array, framework: FrameworkRecord) => void;
