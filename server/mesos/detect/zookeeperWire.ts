/** A message of ZooKeeper's can't be read: what is there speaks something else, or the stream is out of step. */
export class ZookeeperWireError extends Error {
  override readonly name = "ZookeeperWireError";
}

/** Writes one frame of ZooKeeper's client protocol: big-endian numbers, and byte strings after their length. */
export class FrameWriter {
  readonly #parts: Buffer[] = [];

  int(value: number): this {
    const part = Buffer.allocUnsafe(4);
    part.writeInt32BE(value);
    this.#parts.push(part);
    return this;
  }

  long(value: bigint): this {
    const part = Buffer.allocUnsafe(8);
    part.writeBigInt64BE(value);
    this.#parts.push(part);
    return this;
  }

  bool(value: boolean): this {
    this.#parts.push(Buffer.from([value ? 1 : 0]));
    return this;
  }

  bytes(value: Buffer): this {
    this.int(value.length);
    this.#parts.push(value);
    return this;
  }

  string(value: string): this {
    return this.bytes(Buffer.from(value, "utf8"));
  }

  /** The frame, with its length in front. */
  finish(): Buffer {
    const body = Buffer.concat(this.#parts);
    const length = Buffer.allocUnsafe(4);
    length.writeInt32BE(body.length);
    return Buffer.concat([length, body]);
  }
}

/** Reads the fields of one frame. All methods throw ZookeeperWireError where the frame is too short. */
export class FrameReader {
  readonly #frame: Buffer;
  #offset = 0;

  constructor(frame: Buffer) {
    this.#frame = frame;
  }

  int(): number {
    return this.#take(4).readInt32BE();
  }

  long(): bigint {
    return this.#take(8).readBigInt64BE();
  }

  /** Of a null string, which ZooKeeper writes with length -1, an empty one. */
  bytes(): Buffer {
    const length = this.int();
    return length === -1 ? Buffer.alloc(0) : this.#take(length);
  }

  string(): string {
    return this.bytes().toString("utf8");
  }

  strings(): string[] {
    const count = this.int();
    const strings: string[] = [];
    // Each takes four bytes at least, so a count that is garbage ends at the end of the frame.
    for (let i = 0; i < count; i++) strings.push(this.string());
    return strings;
  }

  #take(length: number): Buffer {
    const end = this.#offset + length;
    if (length < 0 || end > this.#frame.length) throw new ZookeeperWireError("a message is shorter than it says");
    const part = this.#frame.subarray(this.#offset, end);
    this.#offset = end;
    return part;
  }
}

/** Puts frames together from chunks. */
export class FrameSplitter {
  readonly #maxFrameBytes: number;
  #pending: Buffer = Buffer.alloc(0);

  constructor(maxFrameBytes: number) {
    this.#maxFrameBytes = maxFrameBytes;
  }

  /** The frames that are complete now. @throws ZookeeperWireError if a frame's length is out of bounds. */
  *push(chunk: Buffer): Generator<Buffer> {
    this.#pending = this.#pending.length === 0 ? chunk : Buffer.concat([this.#pending, chunk]);
    while (this.#pending.length >= 4) {
      const length = this.#pending.readInt32BE();
      if (length < 0 || length > this.#maxFrameBytes) {
        throw new ZookeeperWireError(`a message of ${length} bytes is out of bounds`);
      }
      if (this.#pending.length < 4 + length) return;
      const frame = this.#pending.subarray(4, 4 + length);
      this.#pending = this.#pending.subarray(4 + length);
      yield frame;
    }
  }
}
