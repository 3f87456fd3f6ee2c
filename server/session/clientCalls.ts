import { Call_DeclineFields } from "../../gen/mesos/v1/scheduler/scheduler.fields.js";
import { fieldsExcept, lengthDelimited } from "../../wire/proto.js";
import { acknowledgedOperationKey, acknowledgedTaskKey, readAckToken } from "../mesos/messages/acknowledgements.js";
import {
  buildCall,
  type CallMessage,
  CallType,
  idMessage,
  readAccept,
  readIds,
  readKill,
  readRoles,
} from "../mesos/messages/calls.js";
import { answerOf, OK } from "./answers.js";
import type { CallContext } from "./callContext.js";
import type { CallLog } from "./callLog.js";
import type { CallOrder } from "./callOrder.js";
import { type BridgeError, invalidField } from "./errors.js";
import { Launches, type LaunchesHost } from "./launches.js";
import type { OpenOffers } from "./openOffers.js";
import type { CallAnswer } from "./requestMemory.js";
import type { SchedulerState } from "./schedulerState.js";
import { forgetTask, observeGone, type SessionState } from "./sessionState.js";
import type { CallTrace } from "./tracing.js";
import { settleOffers } from "./usedOffers.js";

/** What the calls of a client need of their session. */
export interface ClientCallsHost extends LaunchesHost {
  /** The client wants the framework torn down. */
  tearDown(done: (answer: CallAnswer) => void): void;
  /** The master took an UPDATE_FRAMEWORK of this payload. */
  frameworkUpdated(payload: Uint8Array): void;
}

/** Of a DECLINE, and of the answers to inverse offers alike. */
const OFFER_IDS = Call_DeclineFields.offerIds;

type Answered = (answer: CallAnswer) => void;

/**
 * Takes a client's calls: checks them against what the session knows, notes what they
 * change, sends them, and says what the master answered.
 */
export class ClientCalls {
  readonly #state: SessionState;
  readonly #host: ClientCallsHost;
  readonly #log: CallLog;
  readonly #order: CallOrder;
  readonly #schedulerState: SchedulerState;
  readonly #launches: Launches;

  constructor(
    state: SessionState,
    host: ClientCallsHost,
    log: CallLog,
    order: CallOrder,
    schedulerState: SchedulerState,
  ) {
    this.#state = state;
    this.#host = host;
    this.#log = log;
    this.#order = order;
    this.#schedulerState = schedulerState;
    this.#launches = new Launches(state, host, log, order, schedulerState);
  }

  /** Makes a call. `done` is called exactly once. @throws WireError; what the check throws */
  perform(call: CallMessage, done: Answered, { check, cookies, state, trace }: CallContext = {}): void {
    if (trace) return this.#traced(trace).perform(call, done, { check, cookies, state });
    const { payload } = call;
    switch (call.type) {
      case CallType.UNKNOWN:
        return done({ error: invalidField("call.type", "is required") });
      case CallType.SUBSCRIBE:
        return done({ error: invalidField("call.type", "must not be SUBSCRIBE: use the method Subscribe") });
      case CallType.TEARDOWN:
        return this.#host.tearDown(done);
      case CallType.ACCEPT:
        check?.(payload, this.#state.record);
        return this.#launches.accept(call, readAccept(payload), done, { cookies, state });
      case CallType.DECLINE:
        return this.#decline(call, this.#state.offers, done);
      case CallType.ACCEPT_INVERSE_OFFERS:
      case CallType.DECLINE_INVERSE_OFFERS:
        return this.#decline(call, this.#state.inverseOffers, done);
      case CallType.ACKNOWLEDGE:
        return this.#acknowledge(acknowledgedTaskKey(payload), call, done);
      case CallType.ACKNOWLEDGE_OPERATION_STATUS:
        return this.#acknowledge(acknowledgedOperationKey(payload), call, done);
      case CallType.KILL:
        return this.#kill(call, done);
      default:
        return this.#send(call, done, this.#whenTaken(call));
    }
  }

  /** The same for a call that is traced. */
  #traced(trace: CallTrace): ClientCalls {
    const { frameworkName } = this.#state.record;
    const send: ClientCallsHost["send"] = (call, done) => {
      const answered = trace.sends(frameworkName, call);
      this.#host.send(call, (outcome) => {
        answered(outcome);
        done(outcome);
      });
    };
    return new ClientCalls(this.#state, { ...this.#host, send }, this.#log, this.#order, this.#schedulerState);
  }

  /** Acknowledges updates by their tokens, in order. `done` is called once, when all are answered. */
  acknowledge(tokens: readonly string[], done: Answered, trace?: CallTrace): void {
    const acknowledgements = tokens.map(readAckToken);
    const bad = acknowledgements.indexOf(undefined);
    if (bad !== -1) {
      return done({
        error: invalidField(`ack_tokens[${bad}]`, "is not an ack token: send SessionEvent.ack_token"),
      });
    }
    let waiting = 1;
    let first: BridgeError | undefined;
    const one = (answer: CallAnswer) => {
      first ??= answer.error;
      if (--waiting === 0) done(first ? { error: first } : OK);
    };
    const given = new Set<string>();
    for (const acknowledgement of acknowledgements) {
      if (!acknowledgement || given.has(acknowledgement.key)) continue;
      given.add(acknowledgement.key);
      if (this.#state.unacknowledged.state(acknowledgement.key) === "acknowledged") continue;
      waiting++;
      this.#acknowledge(acknowledgement.key, acknowledgement.call, one, trace);
    }
    one(OK);
  }

  #kill(call: CallMessage, done: Answered): void {
    const killed = readKill(call.payload);
    this.#host.send(call, (outcome) => {
      const answer = answerOf(outcome, OK);
      this.#log.answered("kill", this.#state.record.frameworkName, { outcome, answer }, { tasks: 1, ...killed });
      done(answer);
    });
  }

  /** Calls that use offers up and tolerate that some are gone: declines, and answers to inverse offers. */
  #decline(call: CallMessage, offers: OpenOffers, done: Answered): void {
    const ids = readIds(call.payload, OFFER_IDS);
    if (ids.length === 0) return done({ error: invalidField("offer_ids", "must name at least one offer") });
    const open = ids.filter((id) => offers.has(id));
    const answer: CallAnswer = { error: undefined, gone: ids.length - open.length };
    if (open.length === 0) return done(answer);
    const toSend = answer.gone === 0 ? call : buildCall(call.type, withOfferIds(call.payload, open));
    const used = offers.use(open);
    if (offers === this.#state.offers) observeGone(this.#state, "declined", open);
    this.#host.send(toSend, (outcome) => {
      settleOffers(this.#state, offers, used, outcome, () => this.#host.offersPutBack());
      done(answerOf(outcome, answer));
    });
  }

  #acknowledge(key: string, call: CallMessage, done: Answered, trace?: CallTrace): void {
    const { unacknowledged, tracing } = this.#state;
    const traced = tracing?.acknowledges(key, trace);
    this.#host.send(call, (outcome) => {
      traced?.(outcome);
      if (outcome.kind === "accepted" && key !== "") {
        const update = unacknowledged.acknowledged(key);
        if (update?.terminal) forgetTask(this.#state, update.taskId);
      }
      done(answerOf(outcome, OK));
    });
  }

  #send(call: CallMessage, done: Answered, taken: () => void): void {
    this.#host.send(call, (outcome) => {
      if (outcome.kind === "accepted") taken();
      done(answerOf(outcome, OK));
    });
  }

  /** What holds once Mesos has taken a call. What a client suppressed or revived is nothing to its successor. */
  #whenTaken(call: CallMessage): () => void {
    const { suppression } = this.#state;
    const { term } = suppression;
    return () => {
      if (call.type === CallType.UPDATE_FRAMEWORK || suppression.term === term) this.#taken(call);
    };
  }

  #taken({ type, payload }: CallMessage): void {
    if (type === CallType.SUPPRESS) this.#state.suppression.suppressed(readRoles(payload));
    else if (type === CallType.REVIVE) this.#state.suppression.revived(readRoles(payload));
    else if (type === CallType.UPDATE_FRAMEWORK) this.#host.frameworkUpdated(payload);
  }
}

/** The payload's fields with other offer ids. */
function withOfferIds(payload: Uint8Array, ids: readonly string[]): Uint8Array[] {
  return [...ids.map((id) => lengthDelimited(OFFER_IDS, idMessage(id))), ...fieldsExcept(payload, OFFER_IDS)];
}
