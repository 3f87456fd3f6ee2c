import { type Clock, systemClock, type Timer } from "../../../wire/clock.js";
import { PatientTimer } from "../../../wire/patientTimer.js";
import type { Secrets } from "../../../wire/secrets.js";
import type { Log } from "../../log.js";
import { LoggedTrouble } from "../../logTrouble.js";
import type { MasterDetector } from "../detect/detector.js";
import { type ClientTls, plainTls } from "../tls/clientTls.js";
import { isForeign } from "./answerText.js";
import type { Authentication } from "./authentication.js";
import { connectErrorText } from "./connectError.js";
import type { SubscriptionCounter } from "./linkOptions.js";
import { getFromMaster, type MasterAnswer, type Means } from "./masterRequest.js";
import { type Connect, connectWith } from "./openSocket.js";
import { leaderOf } from "./redirection.js";
import { rejectionText } from "./rejectionText.js";

export interface MasterProbeOptions {
  readonly detector: MasterDetector;
  readonly authentication: Authentication;
  readonly log: Log;
  /** Default: over the network, trusting the system's certificates. */
  readonly connect?: Connect;
  /** What `connect` uses: a change is a reason to ask at once. */
  readonly tls?: ClientTls;
  /** Default: the system's. */
  readonly clock?: Clock;
  /** How often a master that answers is asked again, in ms. Default 15,000. */
  readonly intervalMs?: number;
  /** How often one that does not answer is, in ms. Default 1,000. */
  readonly retryMs?: number;
  readonly timeoutMs?: number;
}

/** Of the API for schedulers. */
export const SCHEDULER_PATH = "/api/v1/scheduler";
/** How many redirects from master to master are followed. */
export const MAX_REDIRECTS = 5;

/**
 * Asks whether there is a Mesos master that leads, even while no framework needs one, so that health checks are
 * correct. It asks by a GET for what schedulers POST to: a master that does not lead answers 307 or 503, one that does not
 * take the bridge's credentials 401, and only the leader says that it wants a POST. `/version` and `/health` are
 * answered by every master. What links see counts too: one that is subscribed proves a leader, and one that lost its
 * subscription is a reason to ask at once.
 */
export class MasterProbe implements SubscriptionCounter {
  readonly #options: MasterProbeOptions;
  readonly #onChange: (reachable: boolean, problem: string) => void;
  readonly #clock: Clock;
  readonly #trouble: LoggedTrouble;
  readonly #connect: Connect;
  readonly #stop = new AbortController();
  #timer: Timer | undefined;
  #unwatch: (() => void) | undefined;
  #unwatchAuthorization: (() => void) | undefined;
  #unwatchTls: (() => void) | undefined;
  #asking = false;
  #askAgain = false;
  #seen: string | undefined;
  /** Links that are subscribed. */
  #links = 0;
  /** Set when a link subscribed or was lost since the question was asked: its answer may be out of date. */
  #linksChanged = false;
  #failures = 0;

  /** @param onChange hears whether a leading master can be used, and why not; the first time when that is known */
  constructor(options: MasterProbeOptions, onChange: (reachable: boolean, problem: string) => void) {
    this.#options = options;
    this.#onChange = onChange;
    this.#clock = options.clock ?? systemClock;
    this.#trouble = new LoggedTrouble(options.log, this.#clock);
    this.#connect = options.connect ?? connectWith();
  }

  start(): void {
    const { detector, authentication, tls = plainTls } = this.#options;
    this.#unwatchTls = tls.onChanged(() => this.#begin());
    this.#unwatch = detector.onLeaderChanged(() => this.#begin());
    this.#unwatchAuthorization = authentication.onChanged(() => this.#begin());
    this.#begin();
  }

  close(): void {
    this.#unwatch?.();
    this.#unwatchAuthorization?.();
    this.#unwatchTls?.();
    this.#stop.abort();
    this.#timer?.cancel();
    this.#trouble.over();
  }

  subscribed(): void {
    this.#links++;
    this.#linksChanged = true;
    this.#failures = 0;
    this.#tell("");
  }

  unsubscribed(): void {
    this.#links--;
    this.#linksChanged = true;
    if (this.#links === 0) this.#begin();
  }

  #begin(): void {
    this.#round().catch((err: unknown) => {
      this.#asking = false;
      this.#options.log.error({ err }, "the health check of the Mesos master failed: it is repeated");
      this.#later(this.#options.retryMs);
    });
  }

  #later(ms = 1_000): void {
    this.#timer?.cancel();
    if (!this.#stop.signal.aborted) this.#timer = this.#clock.after(ms, () => this.#begin());
  }

  async #round(): Promise<void> {
    if (this.#stop.signal.aborted) return;
    if (this.#asking) {
      this.#askAgain = true;
      return;
    }
    this.#timer?.cancel();
    this.#asking = true;
    this.#askAgain = false;
    this.#linksChanged = false;
    const problem = this.#options.authentication.secrets.redact(await this.#ask());
    this.#asking = false;
    if (this.#stop.signal.aborted) return;
    this.#answered(problem);
    const { intervalMs = 15_000, retryMs } = this.#options;
    if (this.#askAgain) this.#begin();
    else this.#later(problem === "" ? intervalMs : retryMs);
  }

  #answered(problem: string): void {
    this.#failures = problem === "" ? 0 : this.#failures + 1;
    if (problem !== "" && this.#links > 0) {
      // A subscription stands: one answer that did not come, or that is older than it, proves nothing.
      if (this.#linksChanged || this.#failures < 2) return;
    }
    this.#tell(problem);
  }

  #tell(problem: string): void {
    if (problem === this.#seen || this.#stop.signal.aborted) return;
    const { log, detector } = this.#options;
    this.#seen = problem;
    if (problem === "") {
      this.#trouble.over();
      log.info({ master: detector.describe() }, "a Mesos master answers");
    } else this.#trouble.note({ reason: problem }, "no Mesos master: retrying");
    this.#onChange(problem === "", problem);
  }

  /** What is wrong; empty if the leading master answers in time. */
  async #ask(): Promise<string> {
    const overdue = new AbortController();
    const giveUp = () => overdue.abort(new DOMException("no answer in time", "TimeoutError"));
    const timer = new PatientTimer(giveUp, this.#clock);
    timer.start(this.#options.timeoutMs ?? 5_000);
    try {
      return await this.#askAll(AbortSignal.any([this.#stop.signal, overdue.signal]));
    } finally {
      timer.stop();
    }
  }

  /** Asks one master after the other, as they redirect. */
  async #askAll(signal: AbortSignal): Promise<string> {
    const { authentication } = this.#options;
    const authorization = await authentication.header().catch((error: Error) => error);
    if (authorization instanceof Error) return `the credentials can't be read: ${authorization.message}`;
    let problem = "";
    for (let i = 0; i <= MAX_REDIRECTS; i++) {
      const answer = await this.#askOne(authorization, signal);
      if (!("leader" in answer)) return answer.problem;
      this.#options.detector.redirected(answer.leader);
      problem = `${answer.leader.host} and others redirect in a circle: ${MAX_REDIRECTS} redirects and no leader`;
    }
    return problem;
  }

  get #means(): Means & { readonly secrets: Secrets } {
    const { secrets } = this.#options.authentication;
    return { secrets, connect: this.#connect, clock: this.#clock };
  }

  async #askOne(authorization: string | undefined, signal: AbortSignal): Promise<Answer> {
    const { detector } = this.#options;
    let master: URL | undefined;
    let waiting = "no leading master is known";
    try {
      master = await detector.next(signal, (reason) => {
        waiting = reason;
        // An answer already, but for the first one: the detection has only begun, and is given the round's time.
        if (this.#seen !== undefined && this.#links === 0) this.#tell(reason);
      });
      const answer = await ask(master, authorization, this.#means, signal);
      if ("problem" in answer && answer.problem !== "") detector.failed(master);
      return answer;
    } catch (error) {
      if (!master) return { problem: waiting };
      detector.failed(master);
      const silent = (error as Error).name === "TimeoutError";
      return { problem: silent ? `${master.host} does not answer` : connectErrorText(error as Error, master, false) };
    }
  }
}

/** What is wrong, empty if nothing is; or who leads in place of the one that was asked. */
type Answer = { readonly problem: string } | { readonly leader: URL };

/** Whether an answer to a GET of `SCHEDULER_PATH` is that of the leading master: only it says that it wants a POST. */
export function isLeaderAnswer(answer: MasterAnswer): boolean {
  return answer.status === 405 && /\bPOST\b/.test(answer.allow) && !isForeign(answer);
}

async function ask(
  master: URL,
  authorization: string | undefined,
  { secrets, ...means }: Means & { readonly secrets: Secrets },
  signal: AbortSignal,
): Promise<Answer> {
  const answer = await getFromMaster(master, SCHEDULER_PATH, authorization, means, signal);
  const { status } = answer;
  if (isLeaderAnswer(answer)) return { problem: "" };
  const leader = status === 307 ? leaderOf(answer.location, master) : undefined;
  if (leader) return { leader };
  if ([401, 403, 407, 503].includes(status)) {
    return { problem: rejectionText(answer, authorization !== undefined, secrets) };
  }
  return { problem: `what answers at ${master.host} is not a Mesos master (HTTP ${status} to GET ${SCHEDULER_PATH})` };
}
