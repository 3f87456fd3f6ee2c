import { WatchOffersRequestFields } from "../../gen/mesosbridge/v1/observer.fields.js";
import { type ObserverServiceDefinition, WatchEventsRequest } from "../../gen/mesosbridge/v1/observer.js";
import type { Log } from "../log.js";
import { invalidField, limitReached } from "../session/errors.js";
import type { Observation, ObserverHub } from "../session/observerHub.js";
import type { SessionManager } from "../session/sessionManager.js";
import type { Connections } from "./connections/connections.js";
import { decodeRequest } from "./decodeRequest.js";
import { encodeObservation, SNAPSHOT_END } from "./encodeObservations.js";
import { eventFilter } from "./eventFilter.js";
import { type Listings, listings } from "./listings.js";
import { missedEvents, openOffers } from "./observerBacklog.js";
import { ObserverStream } from "./observerStream.js";
import type { Done, Handlers, ServerStreamCall, UnaryCall } from "./rawService.js";
import { RequestFields } from "./requestFields.js";

export interface ObserverServiceOptions {
  readonly sessions: SessionManager;
  readonly hub: ObserverHub;
  readonly connections: Connections;
  readonly log: Log;
  readonly maxObservers: number;
  /** Open observer streams, so that shutdown can end them. */
  readonly streams: Set<ObserverStream>;
}

type Watch = ServerStreamCall<Buffer>;
type Accept = (observation: Observation) => boolean;

/** One connection may have this part of all places for observers, so that one client does not take all. */
const SHARE_OF_OBSERVERS = 0.1;

/** `mesosbridge.v1.ObserverService`: shows what happens, and can't change anything. */
export class ObserverService implements Handlers<typeof ObserverServiceDefinition> {
  readonly #options: ObserverServiceOptions;
  readonly #lists: Listings;

  constructor(options: ObserverServiceOptions) {
    this.#options = options;
    this.#lists = listings(options.sessions);
  }

  listFrameworks(call: UnaryCall, done: Done): void {
    this.#answer(call, this.#lists.listFrameworks, done);
  }

  listOffers(call: UnaryCall, done: Done): void {
    this.#answer(call, this.#lists.listOffers, done);
  }

  listTasks(call: UnaryCall, done: Done): void {
    this.#answer(call, this.#lists.listTasks, done);
  }

  watchOffers(call: Watch): void {
    const { sessions } = this.#options;
    const name = nameIn(call);
    const session = name === "" ? undefined : sessions.find(name);
    const shown = name === "" ? sessions.sessions() : session ? [session] : [];
    this.#watch(call, ofKind("offers", name), openOffers(shown));
  }

  watchLaunches(call: Watch): void {
    this.#watch(call, ofKind("launch", nameIn(call)));
  }

  watchStatusUpdates(call: Watch): void {
    this.#watch(call, ofKind("update", nameIn(call)));
  }

  watchEvents(call: Watch): void {
    const request = decodeRequest(WatchEventsRequest, call.request);
    const accept = eventFilter(request);
    const from = request.afterSequence === 0n ? undefined : Number(request.afterSequence);
    if (from !== undefined && request.frameworkName === "") {
      throw invalidField("framework_name", "is required with after_sequence");
    }
    const { sessions } = this.#options;
    const missed = from === undefined ? [] : missedEvents(sessions.get(request.frameworkName), from, accept);
    this.#watch(call, accept, missed);
  }

  /** Answers with a list, where its connection has room for it. */
  #answer(call: UnaryCall, list: (request: Buffer) => Buffer, done: Done): void {
    const { connections } = this.#options;
    connections.admitAnswer(connections.of(call));
    const answer = list(call.request);
    connections.answered(answer.length);
    done(undefined, answer);
  }

  /** Shows what was there before, and then what is accepted of what happens. */
  #watch(call: Watch, accept: Accept, backlog: Iterable<Observation> = []): void {
    const { hub, connections, log, streams, maxObservers } = this.#options;
    const { connection } = connections.of(call);
    admitObserver(streams.size, connection.observers, maxObservers);
    let unobserve = () => {};
    const stream: ObserverStream = new ObserverStream(call, connections, log, () => {
      unobserve();
      if (streams.delete(stream)) connection.observers--;
    });
    streams.add(stream);
    connection.observers++;
    stream.begin(messages(backlog));
    unobserve = hub.observe((observation) => {
      if (accept(observation)) stream.push(encodeObservation(observation));
    });
  }
}

/** The framework name in a request to watch, which has the same number in all of them; "" for all frameworks. */
function nameIn({ request }: Watch): string {
  return new RequestFields(request).string(WatchOffersRequestFields.frameworkName);
}

/** Observations of one kind, of one framework or of all. */
function ofKind(kind: Observation["kind"], frameworkName: string): Accept {
  return (observation) =>
    observation.kind === kind && (frameworkName === "" || observation.frameworkName === frameworkName);
}

/** @throws BridgeError LIMIT_REACHED */
function admitObserver(all: number, ofConnection: number, maxObservers: number): void {
  if (all >= maxObservers) {
    const what = `${maxObservers} observers watch already, which is the limit (serve --max-observers)`;
    throw limitReached(what, maxObservers, "try again when one of them has ended");
  }
  const share = Math.max(1, Math.floor(maxObservers * SHARE_OF_OBSERVERS));
  if (ofConnection < share) return;
  const what = `this connection has ${share} observers, which is its share of serve --max-observers ${maxObservers}`;
  throw limitReached(what, share, "end one of them, or open another connection");
}

/** What was there before, and that this is all of it: so every stream says something at once. */
function* messages(observations: Iterable<Observation>): Generator<Buffer> {
  for (const observation of observations) yield encodeObservation(observation);
  yield SNAPSHOT_END;
}
