/** What a broken rule does: refuse the launch, say so in the log, or only note it. */
export type Mode = "deny" | "warn" | "audit";

/** A rule as it stands in the file. */
export interface RuleText {
  readonly name: string;
  /** In CEL. True admits the task. */
  readonly expression: string;
  readonly mode: Mode;
  /** What to do instead, for clients whose task the rule refuses. */
  readonly message: string;
}
