import { LENGTH_DELIMITED, ProtoReader, utf8, VARINT } from "../../wire/proto.js";

/** `mesosbridge.v1.CallsRequest`, as far as it is read here: its parts are views of the request. */
export interface CallsMessage {
  header: Uint8Array | undefined;
  call: Uint8Array | undefined;
  readonly tokens: string[];
  tag: bigint;
}

/** Reads a serialized CallsRequest. @throws WireError */
export function readCallsRequest(request: Uint8Array): CallsMessage {
  const message: CallsMessage = { header: undefined, call: undefined, tokens: [], tag: 0n };
  const reader = new ProtoReader(request);
  while (reader.next()) {
    if (reader.wireType === LENGTH_DELIMITED) {
      if (reader.field === 1) message.header = merged(message.header, reader.bytes());
      else if (reader.field === 2) message.call = merged(message.call, reader.bytes());
      else if (reader.field === 3) message.tokens.push(utf8(reader.bytes()));
    } else if (reader.wireType === VARINT && reader.field === 4) message.tag = reader.uint64();
  }
  return message;
}

/** Several pieces of a message field are one message, as protobuf says. */
function merged(before: Uint8Array | undefined, piece: Uint8Array): Uint8Array {
  return before ? Buffer.concat([before, piece]) : piece;
}
