/**
 * RecordIO, the framing of Mesos's event streams: the record's length in bytes as
 * decimal ASCII, a newline, the record.
 */

const NEWLINE = 0x0a;
const DIGIT_0 = 0x30;
const DIGIT_9 = 0x39;
/** As many digits as an unsigned 64-bit number can have; Mesos writes lengths as such. */
const MAX_LENGTH_DIGITS = 20;

/** The stream is not RecordIO, or holds a record over the limit. The stream can't be read any further. */
export class RecordIOError extends Error {
  override readonly name = "RecordIOError";
}

export interface RecordReaderOptions {
  /** Largest record that is accepted, in bytes. Default 512 MiB: Mesos itself sets no limit. */
  maxRecordBytes?: number;
}

/**
 * Cuts a stream of chunks into records, whatever the chunk borders are.
 *
 * A record that lies within one chunk is handed out as a view of that chunk, uncopied:
 * whoever keeps it for long keeps the chunk, and should copy it. Only a record
 * that spans chunks is put together in memory of its own.
 */
export class RecordReader {
  readonly #maxRecordBytes: number;
  /** Length of the record being read; undefined while its length line is being read. */
  #recordLength: number | undefined;
  #digits = "";
  #parts: Uint8Array[] = [];
  #partBytes = 0;
  #failed: RecordIOError | undefined;

  constructor(options: RecordReaderOptions = {}) {
    this.#maxRecordBytes = options.maxRecordBytes ?? 512 * 1024 * 1024;
  }

  /** True between records: an end of stream here loses nothing. */
  get idle(): boolean {
    return this.#recordLength === undefined && this.#digits === "";
  }

  /**
   * Takes the next chunk and hands each record that it completes to `onRecord`, in order.
   * An empty record is handed out too.
   *
   * @throws RecordIOError once the stream is not RecordIO, and at every later call.
   */
  push(chunk: Uint8Array, onRecord: (record: Uint8Array) => void): void {
    if (this.#failed) throw this.#failed;
    let at = 0;
    while (at < chunk.length) {
      if (this.#recordLength === undefined) {
        at = this.#readLength(chunk, at);
        if (this.#recordLength === 0) this.#finish(new Uint8Array(0), onRecord);
      } else {
        at = this.#readRecord(chunk, at, this.#recordLength, onRecord);
      }
    }
  }

  #readLength(chunk: Uint8Array, from: number): number {
    let at = from;
    while (at < chunk.length) {
      const byte = chunk[at++] as number;
      if (byte === NEWLINE) {
        this.#recordLength = this.#parseLength();
        this.#digits = "";
        return at;
      }
      this.#digits += String.fromCharCode(byte);
      if (byte < DIGIT_0 || byte > DIGIT_9 || this.#digits.length > MAX_LENGTH_DIGITS) this.#failLength();
    }
    return at;
  }

  #parseLength(): number {
    if (this.#digits === "") this.#failLength();
    const length = Number(this.#digits);
    if (length > this.#maxRecordBytes) {
      this.#fail(`a record of ${this.#digits} bytes is over the limit of ${this.#maxRecordBytes} bytes`);
    }
    return length;
  }

  #readRecord(chunk: Uint8Array, at: number, length: number, onRecord: (record: Uint8Array) => void): number {
    const missing = length - this.#partBytes;
    const end = Math.min(at + missing, chunk.length);
    const part = chunk.subarray(at, end);
    if (part.length < missing) {
      this.#parts.push(part);
      this.#partBytes += part.length;
      return end;
    }
    if (this.#parts.length === 0) {
      this.#finish(part, onRecord);
      return end;
    }
    this.#parts.push(part);
    this.#finish(Buffer.concat(this.#parts, length), onRecord);
    return end;
  }

  #finish(record: Uint8Array, onRecord: (record: Uint8Array) => void): void {
    this.#recordLength = undefined;
    this.#parts = [];
    this.#partBytes = 0;
    onRecord(record);
  }

  #failLength(): never {
    this.#fail(`Failed to decode length '${printable(this.#digits)}'`);
  }

  #fail(message: string): never {
    this.#parts = [];
    this.#failed = new RecordIOError(message);
    throw this.#failed;
  }
}

/** A record with its length line before it, ready to be written. */
export function encodeRecord(record: Uint8Array): Buffer {
  const line = `${record.length}\n`;
  const out = Buffer.allocUnsafe(line.length + record.length);
  out.write(line, "latin1");
  out.set(record, line.length);
  return out;
}

/** Bytes from a peer, fit for a log line. */
function printable(text: string): string {
  return text.replace(/[^\x20-\x7e]/g, (c) => `\\x${c.charCodeAt(0).toString(16).padStart(2, "0")}`);
}
