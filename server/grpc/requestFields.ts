import {
  copiedFields,
  countValues,
  eachValue,
  hasValue,
  lastValue,
  messageIn,
  sizeOfValues,
} from "../../wire/fields.js";
import { ProtoReader, utf8, VARINT } from "../../wire/proto.js";

/** Fields of an entry of a map. */
const MAP_KEY = 1;
const MAP_VALUE = 2;
const NOTHING = new Uint8Array(0);

/**
 * The fields of a request by number. They are read when they are asked for, and nothing is kept of others: a request
 * may hold millions of them. A value of another wire type is as one that is not there. All methods throw WireError.
 */
export class RequestFields {
  readonly #request: Uint8Array;

  constructor(request: Uint8Array) {
    this.#request = request;
  }

  /** How many values a repeated field has. */
  count(field: number): number {
    return countValues(this.#request, field);
  }

  has(field: number): boolean {
    return hasValue(this.#request, field);
  }

  /** A message field; several pieces of it are one message, as protobuf says. */
  message(field: number): Uint8Array | undefined {
    return messageIn(this.#request, field);
  }

  string(field: number): string {
    const last = lastValue(this.#request, field);
    return last ? utf8(last) : "";
  }

  strings(field: number): string[] {
    const strings: string[] = [];
    eachValue(this.#request, field, (value) => strings.push(utf8(value)));
    return strings;
  }

  /** The values of a repeated message field, as views of the request. */
  messages(field: number): Uint8Array[] {
    const messages: Uint8Array[] = [];
    eachValue(this.#request, field, (value) => messages.push(value));
    return messages;
  }

  /** How many values a repeated field has, and their bytes together. */
  size(field: number): { readonly count: number; readonly size: number } {
    return sizeOfValues(this.#request, field);
  }

  /** A field that maps strings to bytes. */
  map(field: number): Map<string, Uint8Array> {
    const map = new Map<string, Uint8Array>();
    eachValue(this.#request, field, (entry) => {
      const key = lastValue(entry, MAP_KEY);
      map.set(key ? utf8(key) : "", lastValue(entry, MAP_VALUE) ?? NOTHING);
    });
    return map;
  }

  /** 0 if it is not set. */
  varint(field: number): number {
    return this.optionalVarint(field) ?? 0;
  }

  optionalVarint(field: number): number | undefined {
    let value: number | undefined;
    const reader = new ProtoReader(this.#request);
    while (reader.next()) if (reader.field === field && reader.wireType === VARINT) value = reader.varint();
    return value;
  }

  /** The field's values, serialized as the values of `as`. */
  copy(field: number, as: number): Buffer {
    return copiedFields(this.#request, field, as);
  }
}
