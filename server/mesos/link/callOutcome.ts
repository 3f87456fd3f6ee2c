/** What became of a call. */
export type CallOutcome =
  /** The master took it. It may still drop it: Mesos promises no more. */
  | { readonly kind: "accepted" }
  | Refused
  /** It was sent, and no answer of a master came: it may have been taken or not. */
  | { readonly kind: "unknown"; readonly message: string }
  /** It was not sent. */
  | { readonly kind: "not-sent"; readonly message: string }
  /** It was not sent, because too much is waiting already. */
  | { readonly kind: "too-many"; readonly message: string };

/** The master, or something before it, answered that it does not take the call. */
export interface Refused {
  readonly kind: "refused";
  readonly cause: RefusalCause;
  /** Why, and what remedies it, as a sentence: for the client that made the call, or for the log. */
  readonly reason: string;
  /** What was answered, in the words of whoever answered. */
  readonly message: string;
  /** Facts about the answer for programs: `http_status`. Empty where the cause says all there is to know. */
  readonly metadata: Readonly<Record<string, string>>;
}

export type RefusalCause =
  /** Somebody else has subscribed with the id of its framework. */
  | "failed-over"
  /** Its subscription has ended, or its master does not lead any more, or is not ready: the link subscribes again. */
  | "not-subscribed"
  /** Something between the bridge and Mesos can't reach a master: the link subscribes again. */
  | "unreachable"
  /** The bridge's own credentials, or whatever else lets the bridge call: a client can't remedy them. */
  | "unauthorized"
  /** The call itself. */
  | "call";

/** Why Mesos wants no more of a framework. */
export interface FrameworkRefusal {
  readonly cause: /** Mesos has removed the framework: its id can't be used again. */
    | "removed"
    /** Somebody else has subscribed with its id. */
    | "failed-over"
    | "other";
  /** Mesos's own words. */
  readonly message: string;
}

/** Why a link has no subscription. */
export interface Disconnection {
  /** `restarted`: the bridge ended it to subscribe anew, and nothing went wrong. */
  readonly cause: "restarted" | "lost";
  /** For a person. */
  readonly reason: string;
}
