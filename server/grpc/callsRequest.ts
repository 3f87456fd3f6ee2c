import { CallsRequestFields } from "../../gen/mesosbridge/v1/scheduler.fields.js";
import { LENGTH_DELIMITED, ProtoReader, utf8, VARINT } from "../../wire/proto.js";
import { MAX_ACK_TOKENS } from "./ackTokens.js";

/** `mesosbridge.v1.CallsRequest`, as far as it is read here: its parts are views of the request. */
export interface CallsMessage {
  header: Uint8Array | undefined;
  call: Uint8Array | undefined;
  readonly tokens: string[];
  tag: bigint;
}

const REQUEST = CallsRequestFields;

/**
 * Reads a serialized CallsRequest, in which a field that is not repeated comes once. Of its tokens it keeps so many that
 * too many are noticed. @throws WireError
 */
export function readCallsRequest(request: Uint8Array): CallsMessage {
  const message: CallsMessage = { header: undefined, call: undefined, tokens: [], tag: 0n };
  const reader = new ProtoReader(request);
  while (reader.next()) {
    if (reader.wireType === VARINT && reader.field === REQUEST.tag) message.tag = reader.uint64();
    if (reader.wireType !== LENGTH_DELIMITED) continue;
    if (reader.field === REQUEST.header) message.header = reader.bytes();
    else if (reader.field === REQUEST.call) message.call = reader.bytes();
    else if (reader.field === REQUEST.ackTokens && message.tokens.length <= MAX_ACK_TOKENS) {
      message.tokens.push(utf8(reader.bytes()));
    }
  }
  return message;
}
