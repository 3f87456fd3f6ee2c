import type { ServerUnaryCall, ServerWritableStream, sendUnaryData, UntypedServiceImplementation } from "@grpc/grpc-js";
import { WatchOffersRequestFields } from "../../gen/mesosbridge/v1/observer.fields.js";
import { WatchEventsRequest } from "../../gen/mesosbridge/v1/observer.js";
import type { Log } from "../log.js";
import { BridgeError, invalidField, limitReached } from "../session/errors.js";
import type { Observation, ObserverHub } from "../session/observerHub.js";
import type { Session } from "../session/session.js";
import type { SessionManager } from "../session/sessionManager.js";
import type { Connections } from "./connections/connections.js";
import { decodeRequest } from "./decodeRequest.js";
import { eventFilter } from "./eventFilter.js";
import { listings } from "./listings.js";
import { encodeObservation, SNAPSHOT_END } from "./observations.js";
import { ObserverStream } from "./observerStream.js";
import { RequestFields } from "./requestFields.js";
import { statusOf } from "./statusOf.js";

export interface ObserverServiceOptions {
  readonly sessions: SessionManager;
  readonly hub: ObserverHub;
  readonly connections: Connections;
  readonly log: Log;
  readonly maxObservers: number;
  /** Open observer streams, so that shutdown can end them. */
  readonly streams: Set<ObserverStream>;
}

type Watch = ServerWritableStream<Buffer, Buffer>;

/** One connection may have this part of all places for observers, so that one client does not take all. */
const SHARE_OF_OBSERVERS = 0.1;

/** `mesosbridge.v1.ObserverService`: shows what happens, and can't change anything. */
export function observerService(options: ObserverServiceOptions): UntypedServiceImplementation {
  const { sessions, hub, connections, log, streams, maxObservers } = options;
  const lists = listings(sessions);

  const unary = (list: (request: Buffer) => Buffer) => {
    return (call: ServerUnaryCall<Buffer, Buffer>, callback: sendUnaryData<Buffer>) => {
      try {
        connections.admitAnswer(connections.of(call));
        const answer = list(call.request);
        connections.answered(answer.length);
        callback(null, answer);
      } catch (error) {
        callback(statusOf(error, log));
      }
    };
  };

  const watch = (call: Watch, accept: (observation: Observation) => boolean, backlog: Iterable<Observation> = []) => {
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
  };

  /** A Watch method over one kind of observations of one framework, or of all. */
  const watching = (kind: Observation["kind"], backlog: (name: string) => Iterable<Observation> = () => []) => {
    return (call: Watch) => {
      try {
        const name = new RequestFields(call.request).string(WatchOffersRequestFields.frameworkName);
        watch(
          call,
          (observation) => observation.kind === kind && (name === "" || observation.frameworkName === name),
          backlog(name),
        );
      } catch (error) {
        call.emit("error", statusOf(error, log));
      }
    };
  };

  const watchEvents = (call: Watch) => {
    try {
      const request = decodeRequest(WatchEventsRequest, call.request);
      const accept = eventFilter(request);
      const from = request.afterSequence === 0n ? undefined : Number(request.afterSequence);
      if (from !== undefined && request.frameworkName === "") {
        throw invalidField("framework_name", "is required with after_sequence");
      }
      const missed = from === undefined ? [] : missedEvents(sessions.get(request.frameworkName), from, accept);
      watch(call, accept, missed);
    } catch (error) {
      call.emit("error", statusOf(error, log));
    }
  };

  return {
    listFrameworks: unary(lists.listFrameworks),
    listOffers: unary(lists.listOffers),
    listTasks: unary(lists.listTasks),
    watchOffers: watching("offers", (name) =>
      openOffers(name === "" ? sessions.sessions() : [sessions.find(name)].filter(isSession)),
    ),
    watchLaunches: watching("launch"),
    watchStatusUpdates: watching("update"),
    watchEvents,
  };
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

function isSession(session: Session | undefined): session is Session {
  return session !== undefined;
}

/** What was there before, and that this is all of it: so every stream says something at once. */
function* messages(observations: Iterable<Observation>): Generator<Buffer> {
  for (const observation of observations) yield encodeObservation(observation);
  yield SNAPSHOT_END;
}

/** Offers that are shown together, at most. */
const OFFERS_AT_ONCE = 200;

/** The offers that are open at this moment, though they are made into observations one after the other. */
function openOffers(open: readonly Session[]): Iterable<Observation> {
  const timeMs = Date.now();
  const all = open.map(({ frameworkName, state }) => ({ frameworkName, state, views: state.offers.values() }));
  return (function* () {
    for (const { frameworkName, state, views } of all) {
      for (let at = 0; at < views.length; at += OFFERS_AT_ONCE) {
        for (const piece of state.offers.pieces(views.slice(at, at + OFFERS_AT_ONCE))) {
          const offers = piece.map((offer) => offer.bytes);
          yield { kind: "offers", frameworkName, timeMs, change: "opened", offers, offerIds: [] };
        }
      }
    }
  })();
}

/** Events of a session after a sequence, as far back as it holds them, up to now. */
function missedEvents(
  { frameworkName, state: { log } }: Session,
  afterSequence: number,
  accept: (observation: Observation) => boolean,
): Iterable<Observation> {
  const first = Math.max(afterSequence + 1, log.firstSequence);
  const last = log.lastSequence;
  return (function* () {
    for (let sequence = first; sequence <= last; sequence++) {
      const event = log.at(sequence);
      // The session's log is bounded: it has gone on while the observer read.
      if (!event) throw new BridgeError("SLOW_CONSUMER", "the stream was read too slowly: watch again");
      const observation: Observation = { kind: "event", frameworkName, event };
      if (accept(observation)) yield observation;
    }
  })();
}
