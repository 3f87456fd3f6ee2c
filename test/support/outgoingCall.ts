import type { OutgoingCall } from "../../server/mesos/messages/calls.js";

/** What a link sends, as these bytes. Of bytes that begin with a call's type, one of that type. */
export function outgoingCall(text: string): OutgoingCall {
  const bytes = Buffer.from(text, "utf8");
  const type = bytes[0] === 0x10 ? (bytes[1] ?? 0) : 0;
  return { type, bytes, frameworkId: Buffer.alloc(0) };
}
