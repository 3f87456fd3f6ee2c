import {
  DeleteStateRequestFields,
  GetStateRequestFields,
  PutStateRequestFields,
} from "../../gen/mesosbridge/v1/scheduler.fields.js";
import {
  GetStateResponse,
  ListStateRequest,
  ListStateResponse,
  PutStateResponse,
  type StateEntry as StateEntryMessage,
} from "../../gen/mesosbridge/v1/scheduler.js";
import type { StateEntry, StateView } from "../session/frameworkStore.js";
import type { TakenAnswer } from "../session/requestMemory.js";
import type { StateChange } from "../session/schedulerState.js";
import type { Session } from "../session/session.js";
import type { CallHeader } from "./callHeader.js";
import { decodeRequest } from "./decodeRequest.js";
import { pageOf } from "./paging.js";
import type { RequestFields } from "./requestFields.js";
import { checkKey, checkValue } from "./stateFields.js";

/** A call about the state of a framework's scheduler. */
interface StateRequest {
  readonly request: RequestFields;
  /** The same, serialized. */
  readonly bytes: Buffer;
  readonly header: CallHeader;
  readonly session: Session;
  /** Ends the call. @param respond makes the response, unless the answer is an error */
  answer(respond: (answer: TakenAnswer) => Buffer): Parameters<Session["readState"]>[3];
}

/** @throws BridgeError INVALID_FIELD, STATE_CHANGED, LIMIT_REACHED; WireError */
export type StateCall = (asked: StateRequest) => void;

const EMPTY = Buffer.alloc(0);

/** The methods of SchedulerService about state, by their generated names. */
export const stateCalls = {
  getState: ({ request, header, session, answer }) => {
    const key = checkKey(request.string(GetStateRequestFields.key), "key");
    let entry: StateEntry | undefined;
    const read = (state: StateView) => {
      entry = state.find(key);
    };
    const respond = () => (entry ? serialized(GetStateResponse.encode({ entry: messageOf(entry) })) : EMPTY);
    session.readState(header.attachmentId, [key], read, answer(respond));
  },
  putState: ({ request, header, session, answer }) => {
    const fields = PutStateRequestFields;
    const key = checkKey(request.string(fields.key), "key");
    const change = changeOf(key, checkValue(request.message(fields.value)), request, fields.ifVersion);
    const respond = ({ stateVersion = 0 }: TakenAnswer) =>
      serialized(PutStateResponse.encode({ version: BigInt(stateVersion) }));
    session.changeState(header.attachmentId, header.requestId, [change], answer(respond));
  },
  deleteState: ({ request, header, session, answer }) => {
    const fields = DeleteStateRequestFields;
    const key = checkKey(request.string(fields.key), "key");
    const change = changeOf(key, undefined, request, fields.ifVersion);
    session.changeState(
      header.attachmentId,
      header.requestId,
      [change],
      answer(() => EMPTY),
    );
  },
  listState: ({ bytes, header, session, answer }) => {
    const { prefix, ...asked } = decodeRequest(ListStateRequest, bytes);
    if (prefix !== "") checkKey(prefix, "prefix");
    let response: Buffer = EMPTY;
    const read = (state: StateView) => {
      const page = pageOf((after) => entriesAfter(state, prefix, after), keyOf, asked, entryBytes);
      const entries = page.items.map(messageOf);
      response = serialized(ListStateResponse.encode({ entries, nextPageToken: page.nextPageToken }));
    };
    session.readState(
      header.attachmentId,
      "all",
      read,
      answer(() => response),
    );
  },
} as const satisfies Record<string, StateCall>;

/** @param ifVersion the field of the version that the client expects */
function changeOf(key: string, value: Uint8Array | undefined, request: RequestFields, ifVersion: number): StateChange {
  return { key, value, ifVersion: request.optionalVarint(ifVersion), field: "if_version" };
}

function* entriesAfter(state: StateView, prefix: string, after: string | undefined): Generator<StateEntry> {
  const keys: string[] = [];
  for (const key of state.keys()) if (key.startsWith(prefix) && (after === undefined || key > after)) keys.push(key);
  for (const key of keys.sort()) {
    const entry = state.find(key);
    if (entry) yield entry;
  }
}

const keyOf = ({ key }: StateEntry) => key;

function entryBytes({ key, value }: StateEntry): number {
  return key.length + value.length;
}

function messageOf({ key, value, version }: StateEntry): StateEntryMessage {
  return { key, value: Buffer.from(value), version: BigInt(version) };
}

function serialized(writer: { finish(): Uint8Array }): Buffer {
  return Buffer.from(writer.finish());
}
