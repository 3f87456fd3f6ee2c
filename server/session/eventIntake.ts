import {
  operationAcknowledgement,
  operationAckToken,
  operationUpdateKey,
  taskAcknowledgement,
  taskAckToken,
  taskUpdateKey,
} from "../mesos/messages/acknowledgements.js";
import type { CallMessage } from "../mesos/messages/calls.js";
import {
  EventType,
  type EventView,
  type OfferView,
  ownEvent,
  readAgentOfFailure,
  readEvent,
  readId,
  readInverseOffers,
  readOffers,
  readOperationUpdate,
  readRescind,
  readUpdate,
} from "../mesos/messages/events.js";
import { needsSplit, type OpenOffers } from "./openOffers.js";
import { mesosBody, type SessionEvent, type SessionEventBody } from "./sessionEvent.js";
import { observeGone, observeOpened, type SessionState } from "./sessionState.js";
import { isOver, isTerminal } from "./tasks.js";

/** What the intake needs of its session. */
export interface IntakeHost {
  /** True if the client has not been handed this live event. */
  unread(event: SessionEvent): boolean;
  /** Offers came that nobody is there to use. */
  declineOffers(offerIds: readonly string[]): void;
  /** Mesos has taken an open offer back, or one that was declined. */
  offerGone(offerId: string): void;
  /** Mesos repeats the update of that key, whose acknowledgement it has lost. */
  acknowledgeAgain(key: string, call: CallMessage): void;
  /** Mesos said something about a task. */
  taskAnswered(taskId: string): void;
  /** Forgets updates without a token that clients have read. */
  forgetReadUpdates(): void;
  /** More of them wait for a client than are kept: the first one was dropped. */
  unreadDropped(): void;
}

/**
 * Takes Mesos's events into a session: notes what they change, and appends them to the log as
 * they came.
 */
export class EventIntake {
  readonly #state: SessionState;
  readonly #host: IntakeHost;

  constructor(state: SessionState, host: IntakeHost) {
    this.#state = state;
    this.#host = host;
  }

  /** @throws WireError if an event can't be read. */
  take(events: readonly Uint8Array[], timeMs: number): void {
    for (const event of events) this.#takeOne(event, timeMs);
  }

  #takeOne(event: Uint8Array, timeMs: number): void {
    const view = readEvent(event);
    this.#state.counts.event(view.type);
    switch (view.type) {
      case EventType.UPDATE:
        return this.#takeUpdate(ownEvent(view), timeMs);
      case EventType.OFFERS:
        return this.#takeOffers(view, timeMs);
      case EventType.RESCIND:
        return this.#takeRescind(view, timeMs);
      case EventType.UPDATE_OPERATION_STATUS:
        return this.#takeOperationUpdate(ownEvent(view), timeMs);
      case EventType.INVERSE_OFFERS:
        return this.#takeInverseOffers(ownEvent(view), timeMs);
      case EventType.RESCIND_INVERSE_OFFER:
        return this.#takeInverseRescind(view, timeMs);
      case EventType.FAILURE:
      case EventType.MESSAGE:
        this.#append(mesosBody(view.type, event, "", readAgentOfFailure(view.payload)), timeMs);
        return;
      default:
        this.#append(mesosBody(view.type, event), timeMs);
    }
  }

  #takeUpdate(event: EventView, timeMs: number): void {
    const { unacknowledged, withoutToken, tasks, store, record, hub, tracing } = this.#state;
    const status = readUpdate(event.payload);
    const key = taskUpdateKey(status);
    const seen = key === "" ? "new" : unacknowledged.state(key);
    this.#host.taskAnswered(status.taskId);
    if (seen === "unacknowledged") return;
    if (seen === "acknowledged") return this.#host.acknowledgeAgain(key, taskAcknowledgement(status));
    const ackToken = key === "" ? "" : taskAckToken(status);
    const known = tasks.has(status.taskId);
    const task = tasks.updated(status, timeMs);
    const over = isOver(status.state);
    // One that is over is forgotten when the client knows of it: Mesos does not say so again after a crash of the bridge.
    if (!over && !known) store.putTasks(record.frameworkName, [task]);
    const body = mesosBody(EventType.UPDATE, event.bytes, status.taskId, status.agentId);
    const logged = this.#append(body, timeMs, ackToken);
    if (key === "") {
      this.#host.forgetReadUpdates();
      if (withoutToken.addTask(status.taskId, logged, over)) this.#host.unreadDropped();
    } else {
      withoutToken.taskOvertaken(status.taskId);
      unacknowledged.add(key, { event: logged, taskId: status.taskId, terminal: isTerminal(status.state) });
    }
    tracing?.updated(record.frameworkName, status.taskId, key, status.state);
    if (hub.watched) {
      hub.emit({ kind: "update", frameworkName: record.frameworkName, timeMs, status: status.bytes });
    }
  }

  #takeOperationUpdate(event: EventView, timeMs: number): void {
    const { unacknowledged, withoutToken } = this.#state;
    const status = readOperationUpdate(event.payload);
    const key = operationUpdateKey(status);
    const seen = key === "" ? "new" : unacknowledged.state(key);
    if (seen === "unacknowledged") return;
    if (seen === "acknowledged") return this.#host.acknowledgeAgain(key, operationAcknowledgement(status));
    const ackToken = key === "" ? "" : operationAckToken(status);
    const logged = this.#append(mesosBody(EventType.UPDATE_OPERATION_STATUS, event.bytes), timeMs, ackToken);
    const operationId = readId(status.operationIdBytes);
    if (key !== "") {
      withoutToken.operationOvertaken(operationId);
      unacknowledged.add(key, { event: logged, taskId: "", terminal: false });
    } else if (operationId !== "") {
      this.#host.forgetReadUpdates();
      if (withoutToken.addOperation(operationId, logged)) this.#host.unreadDropped();
    }
  }

  #takeOffers(shared: EventView, timeMs: number): void {
    const { suppression, offers, counts } = this.#state;
    if (suppression.away) {
      const unwanted = readOffers(shared.payload).map((offer) => offer.id);
      counts.offers.unwanted += unwanted.length;
      this.#host.declineOffers(unwanted);
      return;
    }
    const event = ownEvent(shared);
    const views = readOffers(event.payload);
    this.#appendOffers(offers, event, views, timeMs);
    observeOpened(this.#state, views);
  }

  #takeRescind({ payload, bytes }: EventView, timeMs: number): void {
    const id = readRescind(payload);
    this.#host.offerGone(id);
    const open = this.#state.offers.has(id);
    if (!this.#withdraw(this.#state.offers, EventType.OFFERS, id)) {
      this.#append(mesosBody(EventType.RESCIND, bytes), timeMs);
    }
    if (open) observeGone(this.#state, "rescinded", [id]);
  }

  #takeInverseOffers(event: EventView, timeMs: number): void {
    this.#appendOffers(this.#state.inverseOffers, event, readInverseOffers(event.payload), timeMs);
  }

  /** Appends an event of offers as it came, or in pieces if it is large. */
  #appendOffers(offers: OpenOffers, { type, bytes }: EventView, views: readonly OfferView[], timeMs: number): void {
    if (!needsSplit(bytes)) {
      const agentId = views.length === 1 ? (views[0]?.agentId ?? "") : "";
      offers.add(views, this.#append(mesosBody(type, bytes, "", agentId), timeMs));
      return;
    }
    const pieces = offers.pieces(views);
    for (const [i, piece] of pieces.entries()) {
      const more = i < pieces.length - 1;
      offers.add(piece, this.#append(mesosBody(type, offers.event(piece)), timeMs, "", more));
    }
  }

  #takeInverseRescind({ payload, bytes }: EventView, timeMs: number): void {
    if (!this.#withdraw(this.#state.inverseOffers, EventType.INVERSE_OFFERS, readRescind(payload))) {
      this.#append(mesosBody(EventType.RESCIND_INVERSE_OFFER, bytes), timeMs);
    }
  }

  /** Lets an unread offer and its rescind cancel out. False if the client has to see the rescind. */
  #withdraw(offers: OpenOffers, type: number, id: string): boolean {
    const withdrawal = offers.withdraw(id, (event) => this.#host.unread(event));
    if (!withdrawal) return false;
    const { log } = this.#state;
    if (withdrawal.kind === "cancel" && this.#isPiece(withdrawal.event)) {
      // Of an event in pieces each has to be seen as one, or a client waits for the last of them for ever.
      log.replace(withdrawal.event, mesosBody(type, offers.event([])));
    } else if (withdrawal.kind === "cancel") {
      log.cancel(withdrawal.event);
    } else {
      const replaced = log.replace(withdrawal.event, mesosBody(type, withdrawal.bytes));
      if (replaced) withdrawal.moved(replaced);
    }
    return true;
  }

  #isPiece(event: SessionEvent): boolean {
    return event.fragment || this.#state.log.at(event.sequence - 1)?.fragment === true;
  }

  #append(body: SessionEventBody, timeMs: number, ackToken = "", fragment = false): SessionEvent {
    const { log, hub, record } = this.#state;
    const event = log.append(body, timeMs, ackToken, fragment);
    if (hub.watched) hub.emit({ kind: "event", frameworkName: record.frameworkName, event });
    return event;
  }
}
