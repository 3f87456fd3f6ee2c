import type { Reload } from "../permissions/permissions.js";

/** What the audit log says. No value is a secret. */
export type AuditEvent =
  | ({
      readonly event: "attach" | "close" | "teardown";
      readonly identity: string;
      readonly framework: string;
    } & Details)
  | { readonly event: "import"; readonly identity: string; readonly framework: string; readonly framework_id: string }
  | {
      readonly event: "refusal";
      readonly identity: string;
      readonly reason: string;
      readonly message: string;
      /** Refusals of this identity before, which have no lines of their own because there were too many. */
      readonly unlisted?: number;
    }
  | ({ readonly event: "permissions" } & Reload)
  /** What an identity did in the last minute. */
  | { readonly event: "activity"; readonly identity: string; readonly launches: number; readonly kills: number };

interface Details {
  readonly attachment?: string;
  readonly peer?: string;
  /** Why it failed; without it, it was done. */
  readonly failed?: string;
}

/** What callers did, and what they were refused. */
export interface Audit {
  /** False if nobody keeps it: then nothing needs to be found out for it. */
  readonly kept: boolean;
  record(event: AuditEvent): void;
  /** Tasks that an identity had launched or killed. */
  count(identity: string, launches: number, kills: number): void;
}

export const noAudit: Audit = { kept: false, record: () => {}, count: () => {} };
