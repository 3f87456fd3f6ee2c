import type { OutgoingCall } from "../messages/calls.js";
import type { CallOutcome, Disconnection, FrameworkRefusal } from "./callOutcome.js";

/** The subscription of one framework at whichever master leads, and its calls. */
export interface FrameworkLink {
  /** True from SUBSCRIBED until the subscription ends. */
  readonly connected: boolean;
  start(): void;
  /** Subscribes anew, because the subscription has to say something else now. */
  restart(): void;
  /**
   * Sends a call on the current subscription. `done` is called exactly once.
   * Without a subscription the outcome is `not-sent`.
   */
  send(call: OutgoingCall, done: (outcome: CallOutcome) => void): void;
  /** Ends subscription and calls; afterwards nothing more is told to the handler. */
  close(): Promise<void>;
}

/** What a link tells its session. All methods are called in the order of what happened. */
export interface LinkHandler {
  /** The serialized SUBSCRIBE call for the next attempt. */
  subscribeCall(): Uint8Array;
  /** Subscribed. The SUBSCRIBED event itself comes through `onEvents`. */
  onConnected(master: string): void;
  /** Events of one chunk, in order, heartbeats left out; views of memory that others share. */
  onEvents(events: readonly Uint8Array[]): void;
  /** The subscription broke, or could not be made; the link keeps trying. */
  onDisconnected(disconnection: Disconnection): void;
  /** Mesos ended the subscription with an ERROR event, or says at a call what it means: the link does not try again. */
  onRefused(refusal: FrameworkRefusal): void;
  /** The bridge's credentials were replaced, and the link uses the new ones. */
  onCredentialsReplaced(): void;
  /** The link failed by a fault of the bridge's own, and is over: it does not try again. Called once, and last. */
  onFault(error: unknown): void;
}

/** Makes links to Mesos. */
export interface Links {
  /**
   * The principal in the FrameworkInfo of a framework.
   *
   * @param known the one that is stored with it; undefined for a framework that is new
   */
  principalOf(frameworkName: string, known: { readonly principal: string | undefined } | undefined): FrameworkPrincipal;
  /** Makes a link for a framework with this principal, which does nothing until `start`. */
  open(frameworkName: string, principal: string | undefined, handler: LinkHandler): FrameworkLink;
}

export interface FrameworkPrincipal {
  /** What Mesos wants FrameworkInfo.principal to be, where it is known. */
  readonly name: string | undefined;
  /** A client must not name another one, which may be somebody else's. */
  readonly fixed: boolean;
}
