import { LENGTH_DELIMITED, type ProtoReader } from "../../wire/proto.js";
import type { ElementTest } from "./rule.js";

/** The first value of a length-delimited field that passes the test. Nothing is made for the others: a request may hold millions. */
export function findValue(message: ProtoReader, field: number, test: ElementTest): Uint8Array | undefined {
  const { buffer } = message;
  while (message.next()) {
    if (message.field !== field || message.wireType !== LENGTH_DELIMITED) continue;
    const start = message.bytesStart();
    if (test(buffer, start, message.position)) return buffer.subarray(start, message.position);
  }
  return undefined;
}
