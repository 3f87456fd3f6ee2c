import { CallHeaderFields, CallRequestFields } from "../../gen/mesosbridge/v1/scheduler.fields.js";
import { invalidField } from "../session/errors.js";
import { RequestFields } from "./requestFields.js";

/** `mesosbridge.v1.CallHeader`. */
export interface CallHeader {
  readonly frameworkName: string;
  readonly attachmentId: string;
  readonly requestId: string;
}

const MAX_NAME_BYTES = 255;
const MAX_REQUEST_ID_BYTES = 128;

/** The header of a request, in which it is field 1 always. @throws BridgeError INVALID_FIELD */
export function readHeader(request: RequestFields): CallHeader {
  const header = parseHeader(request.message(CallRequestFields.header));
  checkFrameworkName(header.frameworkName, "header.framework_name");
  if (header.attachmentId === "") throw invalidField("header.attachment_id", "is required: take it from Opened");
  return header;
}

/** A header as it stands, unchecked but for its request id. */
export function parseHeader(bytes: Uint8Array | undefined): CallHeader {
  const fields = new RequestFields(bytes ?? new Uint8Array(0));
  const frameworkName = fields.string(CallHeaderFields.frameworkName);
  const attachmentId = fields.string(CallHeaderFields.attachmentId);
  const requestId = fields.string(CallHeaderFields.requestId);
  if (Buffer.byteLength(requestId) > MAX_REQUEST_ID_BYTES) {
    throw invalidField("header.request_id", `must be at most ${MAX_REQUEST_ID_BYTES} bytes`);
  }
  return { frameworkName, attachmentId, requestId };
}

/** @throws BridgeError INVALID_FIELD */
export function checkFrameworkName(name: string, field: string): void {
  if (name === "") throw invalidField(field, "is required");
  if (Buffer.byteLength(name) > MAX_NAME_BYTES) throw invalidField(field, `must be at most ${MAX_NAME_BYTES} bytes`);
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is looked for
  if (/[\u0000-\u001f\u007f]/.test(name)) throw invalidField(field, "must not hold control characters");
}
