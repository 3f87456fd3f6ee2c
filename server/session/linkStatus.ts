import type { Clock } from "../../wire/clock.js";
import type { Log } from "../log.js";
import { LoggedTrouble } from "../logTrouble.js";
import type { Disconnection } from "../mesos/link/callOutcome.js";
import type { LinkState, SessionEventBody } from "./sessionEvent.js";
import type { SessionState } from "./sessionState.js";
import type { LinkView } from "./snapshot.js";

type Status =
  /** The link has not told anything yet. */
  | { readonly kind: "untold" }
  | { readonly kind: "connected"; readonly master: string }
  | { readonly kind: "disconnected"; readonly reason: string; readonly master: string };

/** What a session knows of its link, as its clients, its observers and the log are told. */
export class LinkStatus {
  readonly #state: SessionState;
  readonly #log: Log;
  readonly #trouble: LoggedTrouble;
  #status: Status = { kind: "untold" };

  constructor(state: SessionState, log: Log, clock: Clock) {
    this.#state = state;
    this.#log = log;
    this.#trouble = new LoggedTrouble(log, clock);
  }

  /** For a client that attaches while the link is in this state: without a master it learns why. */
  view(state: LinkState): LinkView {
    const reason = this.#status.kind === "disconnected" ? this.#status.reason : "";
    return { state, reason, master: this.#master };
  }

  connected(master: string): void {
    this.#status = { kind: "connected", master };
    this.#append({ kind: "link-changed", state: "connected", reason: "subscribed", master });
    this.#trouble.over();
    this.#log.info({ framework: this.#state.record.frameworkName, master }, "subscribed");
  }

  /**
   * True if that is news.
   *
   * @param endsByTeardown whether a TEARDOWN is under way: the master ends the subscription when it takes one
   */
  disconnected({ cause, reason }: Disconnection, endsByTeardown: boolean): boolean {
    const before = this.#status;
    if (before.kind === "disconnected" && before.reason === reason) return false;
    // Of what was to be expected, nobody needs to find the cause.
    const expected = cause === "restarted" || (before.kind === "connected" && endsByTeardown);
    const framework = this.#state.record.frameworkName;
    if (expected) this.#log.info({ framework, reason }, "no subscription");
    else this.#trouble.note({ framework, reason }, "no subscription");
    const master = this.#master;
    this.#status = { kind: "disconnected", reason, master };
    this.#append({ kind: "link-changed", state: "connecting", reason, master });
    return true;
  }

  /** The session has ended. */
  end(): void {
    this.#trouble.over();
  }

  /** The last master, as host:port; empty before the first. */
  get #master(): string {
    return this.#status.kind === "untold" ? "" : this.#status.master;
  }

  #append(body: SessionEventBody): void {
    const { log, hub, record, clock } = this.#state;
    const event = log.append(body, clock.wallTime());
    if (hub.watched) hub.emit({ kind: "event", frameworkName: record.frameworkName, event });
  }
}
