import type { ReasonRow } from "../reasons.mjs";

export declare function readReasons(json?: string): ReasonRow[];
