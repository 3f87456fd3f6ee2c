import { LENGTH_DELIMITED, lengthDelimited, ProtoReader, utf8, VARINT } from "../../wire/proto.js";

const NOTHING: readonly Uint8Array[] = [];

/** The fields of a request by number, as views of its bytes. */
export class RequestFields {
  readonly #delimited = new Map<number, Uint8Array[]>();
  readonly #varints = new Map<number, number>();

  /** @throws WireError */
  constructor(request: Uint8Array) {
    const reader = new ProtoReader(request);
    while (reader.next()) {
      if (reader.wireType === VARINT) this.#varints.set(reader.field, reader.varint());
      else if (reader.wireType === LENGTH_DELIMITED) {
        const values = this.#delimited.get(reader.field);
        if (values) values.push(reader.bytes());
        else this.#delimited.set(reader.field, [reader.bytes()]);
      }
    }
  }

  /** All values of a repeated field. */
  all(field: number): readonly Uint8Array[] {
    return this.#delimited.get(field) ?? NOTHING;
  }

  /** A message field; several pieces of it are one message, as protobuf says. */
  message(field: number): Uint8Array | undefined {
    const pieces = this.#delimited.get(field);
    if (!pieces) return undefined;
    return pieces.length === 1 ? pieces[0] : Buffer.concat(pieces);
  }

  string(field: number): string {
    const last = this.#delimited.get(field)?.at(-1);
    return last ? utf8(last) : "";
  }

  strings(field: number): string[] {
    return this.all(field).map(utf8);
  }

  /** 0 if it is not set. */
  varint(field: number): number {
    return this.#varints.get(field) ?? 0;
  }

  /** The field's values, serialized as the values of `as`. */
  copy(field: number, as: number): Buffer[] {
    return this.all(field).map((value) => lengthDelimited(as, value));
  }
}
