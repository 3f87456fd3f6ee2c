import {
  ListOffersRequestFields,
  ListTasksRequestFields,
  WatchOffersRequestFields,
} from "../../gen/mesosbridge/v1/observer.fields.js";
import { type ObserverServiceDefinition, WatchEventsRequest } from "../../gen/mesosbridge/v1/observer.js";
import type { Caller } from "../access/callers.js";
import { withdrawn } from "../access/permissions/refusals.js";
import type { Log } from "../log.js";
import { invalidField, limitReached } from "../session/errors.js";
import type { Observation, ObserverHub } from "../session/observerHub.js";
import type { SessionManager } from "../session/sessionManager.js";
import { refusalOf } from "./admitCall.js";
import { type CallersOfCalls, frameworkNameIn } from "./callerOf.js";
import type { Connections } from "./connections/connections.js";
import { decodeRequest } from "./decodeRequest.js";
import { encodeObservation, SNAPSHOT_END } from "./encodeObservations.js";
import { eventFilter } from "./eventFilter.js";
import { type Listings, listings, type Visible } from "./listings.js";
import { missedEvents, openOffers } from "./observerBacklog.js";
import { ObserverStream } from "./observerStream.js";
import type { Done, Handlers, ServerStreamCall, UnaryCall } from "./rawService.js";

export interface ObserverServiceOptions {
  readonly sessions: SessionManager;
  readonly hub: ObserverHub;
  readonly connections: Connections;
  readonly callers: CallersOfCalls;
  readonly log: Log;
  /** As of now. */
  readonly maxObservers: () => number;
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
    this.#answer(call, () => "", this.#lists.listFrameworks, done);
  }

  listOffers(call: UnaryCall, done: Done): void {
    const nameOf = () => frameworkNameIn(call.request, ListOffersRequestFields.frameworkName);
    this.#answer(call, nameOf, this.#lists.listOffers, done);
  }

  listTasks(call: UnaryCall, done: Done): void {
    const nameOf = () => frameworkNameIn(call.request, ListTasksRequestFields.frameworkName);
    this.#answer(call, nameOf, this.#lists.listTasks, done);
  }

  watchOffers(call: Watch): void {
    const { sessions } = this.#options;
    const observer = this.#observer(call, () => nameIn(call));
    const name = observer.frameworkName;
    const session = name === "" ? undefined : sessions.find(name);
    const all = name === "" ? sessions.sessions() : session ? [session] : [];
    const shown = all.filter(({ frameworkName }) => observer.visible(frameworkName));
    this.#watch(call, observer, ofKind("offers", name), openOffers(shown));
  }

  watchLaunches(call: Watch): void {
    const observer = this.#observer(call, () => nameIn(call));
    this.#watch(call, observer, ofKind("launch", observer.frameworkName));
  }

  watchStatusUpdates(call: Watch): void {
    const observer = this.#observer(call, () => nameIn(call));
    this.#watch(call, observer, ofKind("update", observer.frameworkName));
  }

  watchEvents(call: Watch): void {
    const observer = this.#observer(call, () => nameIn(call));
    const request = decodeRequest(WatchEventsRequest, call.request);
    const accept = eventFilter(request);
    const from = request.afterSequence === 0n ? undefined : Number(request.afterSequence);
    if (from !== undefined && request.frameworkName === "") {
      throw invalidField("framework_name", "is required with after_sequence");
    }
    const { sessions } = this.#options;
    const missed = from === undefined ? [] : missedEvents(sessions.get(request.frameworkName), from, accept);
    this.#watch(call, observer, accept, missed);
  }

  /** Who asks for a framework, or, with the empty name, for all that it may see. @throws BridgeError PERMISSION_DENIED, IDENTITY_LIMIT */
  #observer(call: Watch | UnaryCall, nameOf: () => string): Observer {
    const caller = this.#options.callers.of(call);
    caller.countCall();
    const frameworkName = nameOf();
    expectObserve(caller, frameworkName);
    caller.usage.admitBytes(caller.rights.limits);
    const visible = (name: string) => caller.rights.on(name).may("observe");
    return { caller, frameworkName, visible };
  }

  /** Answers with a list, where its connection has room for it. */
  #answer(
    call: UnaryCall,
    nameOf: () => string,
    list: (request: Buffer, visible: Visible) => Buffer,
    done: Done,
  ): void {
    const { connections } = this.#options;
    const { visible } = this.#observer(call, nameOf);
    connections.admitAnswer(connections.of(call));
    const answer = list(call.request, visible);
    connections.answered(answer.length);
    done(undefined, answer);
  }

  /** Shows what was there before, and then what is accepted of what happens. */
  #watch(call: Watch, observer: Observer, accept: Accept, backlog: Iterable<Observation> = []): void {
    const { hub, connections, callers, log, streams, maxObservers } = this.#options;
    const { caller, visible } = observer;
    const { connection } = connections.of(call);
    admitObserver(streams.size, connection.observers, maxObservers());
    const uncount = caller.usage.observer(caller.rights.limits);
    let unobserve = () => {};
    const stream: ObserverStream = new ObserverStream(call, connections, log, caller, () => {
      unobserve();
      unfollow();
      unlimit();
      uncount();
      if (streams.delete(stream)) connection.observers--;
    });
    const unfollow = callers.onChanged(() => permissionsChanged(stream, observer));
    const unlimit = callers.limitAge(call, (tooOld) => stream.end(tooOld));
    streams.add(stream);
    connection.observers++;
    stream.begin(messages(backlog, visible));
    unobserve = hub.observe((observation) => {
      const { frameworkName } = observation;
      if (accept(observation) && visible(frameworkName)) stream.push(frameworkName, encodeObservation(observation));
    });
  }
}

/** One who observes, and what it sees. */
interface Observer {
  readonly caller: Caller;
  /** Empty for all that it may see. */
  readonly frameworkName: string;
  readonly visible: Visible;
}

/** @throws BridgeError PERMISSION_DENIED */
function expectObserve(caller: Caller, frameworkName: string): void {
  if (frameworkName === "") caller.expectAnywhere("observe");
  else caller.expect("observe", frameworkName);
}

/** Ends a stream that its caller may not have any more; of one for all frameworks it takes those that are not to be seen. */
function permissionsChanged(stream: ObserverStream, { caller, frameworkName, visible }: Observer): void {
  const problem = refusalOf(() => expectObserve(caller, frameworkName));
  if (!problem) return stream.keepOnly(visible);
  caller.failed(withdrawn(problem));
  stream.end(withdrawn(problem));
}

/** The framework name in a request to watch, which has the same number in all of them; "" for all frameworks. */
function nameIn({ request }: Watch): string {
  return frameworkNameIn(request, WatchOffersRequestFields.frameworkName);
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
function* messages(observations: Iterable<Observation>, visible: Visible): Generator<Buffer> {
  for (const observation of observations) if (visible(observation.frameworkName)) yield encodeObservation(observation);
  yield SNAPSHOT_END;
}
