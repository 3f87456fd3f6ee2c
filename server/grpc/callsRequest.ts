import { messageIn } from "../../wire/fields.js";
import { LENGTH_DELIMITED, ProtoReader, utf8, VARINT } from "../../wire/proto.js";
import { MAX_ACK_TOKENS } from "./ackTokens.js";

/** `mesosbridge.v1.CallsRequest`, as far as it is read here: its parts are views of the request. */
export interface CallsMessage {
  header: Uint8Array | undefined;
  call: Uint8Array | undefined;
  readonly tokens: string[];
  tag: bigint;
}

const HEADER = 1;
const CALL = 2;
const ACK_TOKENS = 3;
const TAG = 4;

/** Reads a serialized CallsRequest. Of its tokens it keeps so many that too many are noticed. @throws WireError */
export function readCallsRequest(request: Uint8Array): CallsMessage {
  const message: CallsMessage = { header: undefined, call: undefined, tokens: [], tag: 0n };
  let headers = 0;
  let calls = 0;
  const reader = new ProtoReader(request);
  while (reader.next()) {
    if (reader.wireType === VARINT && reader.field === TAG) message.tag = reader.uint64();
    if (reader.wireType !== LENGTH_DELIMITED) continue;
    if (reader.field === HEADER) {
      message.header = reader.bytes();
      headers++;
    } else if (reader.field === CALL) {
      message.call = reader.bytes();
      calls++;
    } else if (reader.field === ACK_TOKENS && message.tokens.length <= MAX_ACK_TOKENS) {
      message.tokens.push(utf8(reader.bytes()));
    }
  }
  // Several pieces of a message field are one message.
  if (headers > 1) message.header = messageIn(request, HEADER);
  if (calls > 1) message.call = messageIn(request, CALL);
  return message;
}
