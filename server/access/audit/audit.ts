import type { Reload } from "../permissions/permissions.js";

/** What a caller does with a framework of its own. */
export type Deed = "attach" | "stand-by" | "promote" | "hand-over" | "close" | "teardown";

/** What the audit log says. No value is a secret. */
export type AuditEvent =
  | ({
      readonly event: Deed;
      readonly identity: string;
      readonly framework: string;
    } & Details)
  | { readonly event: "import"; readonly identity: string; readonly framework: string; readonly framework_id: string }
  | {
      readonly event: "refusal";
      readonly identity: string;
      readonly reason: string;
      readonly message: string;
      /** Of a client that is not known, which has no name. */
      readonly peer?: string;
      /** Refusals of this identity before, which have no lines of their own because there were too many. */
      readonly unlisted?: number;
    }
  /** An operator did that with the AdminService. */
  | ({ readonly event: "operate"; readonly action: Action; readonly identity: string } & Operated)
  /** What a rule of `--admission` in the mode audit found. */
  | ({ readonly event: "admission" } & Observation)
  | ({ readonly event: "permissions" } & Reload)
  /** What an identity did in the last minute. */
  | { readonly event: "activity"; readonly identity: string; readonly launches: number; readonly kills: number };

export type Action = "end-attachment" | "kill-task" | "teardown-framework" | "set-log-level";

/** What an operator did it to. */
export interface Operated {
  readonly framework?: string;
  readonly attachment?: string;
  readonly task?: string;
  readonly level?: string;
}

/** What a rule of `--admission` that does not refuse found in one call. */
export interface Observation {
  readonly rule: string;
  readonly mode: "warn" | "audit";
  readonly message: string;
  readonly framework: string;
  readonly identity: string;
  /** Tasks of the call that break the rule. */
  readonly tasks: number;
  /** One of them. */
  readonly taskId: string;
  /** Why the rule could not be evaluated on that one; undefined if it could. */
  readonly failure: string | undefined;
}

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

/** A message may hold what a client wrote. */
const MAX_MESSAGE_LENGTH = 1_000;

/** The message of a refusal as the audit log has it. */
export function auditedMessage(message: string): string {
  return message.slice(0, MAX_MESSAGE_LENGTH);
}

export const noAudit: Audit = { kept: false, record: () => {}, count: () => {} };
