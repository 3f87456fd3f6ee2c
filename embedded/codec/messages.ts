import { fromJson } from "./fromJson.js";
import { dropUnknownEnums, type Fields, missingRequired } from "./initialized.js";
import { parseJson } from "./jsonText.js";
import { messageSchema } from "./schema.js";
import { toJson } from "./toJson.js";

export const JSON_TYPE = "application/json";
export const PROTOBUF_TYPE = "application/x-protobuf";
export type MediaType = typeof JSON_TYPE | typeof PROTOBUF_TYPE;

/** A generated message class with its full name: `{ name: "mesos.v1.scheduler.Call", fns: Call }`. */
export interface MessageType<T extends object> {
  readonly name: string;
  readonly fns: {
    encode(message: T): { finish(): Uint8Array };
    decode(bytes: Uint8Array): T;
  };
}

/** The body is not this message. The text is what Mesos answers. */
export class BodyError extends Error {
  override readonly name = "BodyError";
}

export function encodeMessage<T extends object>(type: MessageType<T>, message: T, mediaType: MediaType): Buffer {
  if (mediaType === JSON_TYPE) return Buffer.from(toJson(messageSchema(type.name), message));
  return Buffer.from(type.fns.encode(message).finish());
}

/** Decodes a request body and checks that its required fields are set. @throws BodyError */
export function decodeMessage<T extends object>(type: MessageType<T>, body: Buffer, mediaType: MediaType): T {
  return mediaType === JSON_TYPE ? decodeJson(type, body) : decodeProtobuf(type, body);
}

function shortName(type: { name: string }): string {
  return type.name.slice(type.name.lastIndexOf(".") + 1);
}

function decodeProtobuf<T extends object>(type: MessageType<T>, body: Buffer): T {
  const failed = () => new BodyError(`Failed to parse body into ${shortName(type)} protobuf`);
  let message: T;
  try {
    message = type.fns.decode(body);
  } catch {
    throw failed();
  }
  const schema = messageSchema(type.name);
  dropUnknownEnums(schema, message as Fields);
  if (missingRequired(schema, message as Fields).length > 0) throw failed();
  return message;
}

function decodeJson<T extends object>(type: MessageType<T>, body: Buffer): T {
  const schema = messageSchema(type.name);
  const value = attempt("Failed to parse body into JSON", () => parseJson(body.toString("utf8")));
  const what = `Failed to convert JSON into ${shortName(type)} protobuf`;
  const message = attempt(what, () => fromJson(schema, value));
  const missing = missingRequired(schema, message);
  if (missing.length > 0) throw new BodyError(`${what}: Missing required fields: ${missing.join(", ")}`);
  return message as T;
}

/** A message from a JSON value, without the frame that `decodeMessage` puts around what is wrong. @throws Error */
export function messageFromJson<T extends object>(type: MessageType<T>, value: ReturnType<typeof parseJson>): T {
  const schema = messageSchema(type.name);
  const message = fromJson(schema, value);
  const missing = missingRequired(schema, message);
  if (missing.length > 0) throw new Error(`Missing required fields: ${missing.join(", ")}`);
  return message as T;
}

function attempt<T>(what: string, action: () => T): T {
  try {
    return action();
  } catch (error) {
    throw new BodyError(`${what}: ${error instanceof Error ? error.message : String(error)}`);
  }
}
