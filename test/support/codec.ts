/** The part of a generated message class that a codec needs. */
export interface MessageClass<T, P = unknown> {
  fromPartial(partial: P): T;
  toJSON(message: T): unknown;
  fromJSON(json: unknown): T;
  encode(message: T): { finish(): Uint8Array };
  decode(bytes: Uint8Array): T;
}

/** How messages go over the wire. */
export interface Codec {
  readonly name: "json" | "protobuf";
  readonly mediaType: string;
  encode<T>(type: MessageClass<T>, message: T): Uint8Array;
  decode<T>(type: MessageClass<T>, bytes: Uint8Array): T;
}

export const json: Codec = {
  name: "json",
  mediaType: "application/json",
  encode: (type, message) => Buffer.from(JSON.stringify(type.toJSON(message))),
  decode: (type, bytes) => type.fromJSON(JSON.parse(Buffer.from(bytes).toString())),
};

export const protobuf: Codec = {
  name: "protobuf",
  mediaType: "application/x-protobuf",
  encode: (type, message) => type.encode(message).finish(),
  decode: (type, bytes) => type.decode(bytes),
};

/** For `describe.each`: both, by name. */
export const codecs: readonly Codec[] = [json, protobuf];
