import type { Glob } from "./glob.js";

/** What an identity may do with frameworks. */
export const VERBS = ["attach", "call", "observe", "operate", "import"] as const;
export type Verb = (typeof VERBS)[number];

/** What has nothing to do with a framework. */
export const SERVICES = ["reflection", "channelz"] as const;
export type Service = (typeof SERVICES)[number];

export type Allowed = Verb | Service;

/** What an identity may take of the bridge, by the names that the file and errors use. */
export const LIMIT_NAMES = ["frameworks", "attachments", "observers", "calls-per-second", "waiting-bytes"] as const;
export type LimitName = (typeof LIMIT_NAMES)[number];
/** What is not named is not limited. */
export type Limits = Readonly<Partial<Record<LimitName, number>>>;

/** One rule of the permissions file: these identities may do this, with these frameworks, roles, users and principals. */
export interface Rule {
  readonly identities: readonly Glob[];
  readonly allow: ReadonlySet<Allowed>;
  readonly frameworks: readonly Glob[];
  readonly roles: readonly Glob[];
  /** Users of the operating system that tasks may run as. */
  readonly users: readonly Glob[];
  /** Principals that a FrameworkInfo may name, besides the one with which the bridge authenticates. */
  readonly principals: readonly Glob[];
  readonly limits: Limits;
}
