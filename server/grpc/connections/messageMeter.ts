/** Of a gRPC message: a flag that says whether it is compressed, and its length in four bytes. */
const HEAD_BYTES = 5;
/** What deflate packs at best: a request of zeros unpacks to about a thousand times its size. */
const MAX_RATIO = 1032;

/** What is kept for a chunk besides its bytes, roughly. */
export const CHUNK_BYTES = 300;

/** Follows the messages in a stream of bytes, to know how much memory they hold before they are complete. */
export class MessageMeter {
  #head = 0;
  #compressed = false;
  #length = 0;
  #missing = 0;
  #partial = 0;
  #unpacked = 0;
  #messages = 0;
  #chunks = 0;

  /** Messages that are whole. */
  get messages(): number {
    return this.#messages;
  }

  /** Bytes of a message that has begun and is not whole; 0 between two messages. */
  get partial(): number {
    return this.#partial;
  }

  /** What a message that is not whole holds, in bytes: each chunk of it is kept on its own. */
  get held(): number {
    return this.#partial === 0 ? 0 : this.#partial + this.#chunks * CHUNK_BYTES;
  }

  /** What the compressed messages that were completed by the last chunk may unpack to, in bytes. */
  get unpacked(): number {
    return this.#unpacked;
  }

  push(chunk: Uint8Array): void {
    this.#unpacked = 0;
    this.#chunks++;
    for (let at = 0; at < chunk.length; ) {
      if (this.#head < HEAD_BYTES) {
        this.#pushHead(chunk[at] as number);
        at++;
      } else {
        const taken = Math.min(this.#missing, chunk.length - at);
        this.#missing -= taken;
        this.#partial += taken;
        at += taken;
      }
      if (this.#head === HEAD_BYTES && this.#missing === 0) this.#complete();
    }
  }

  #pushHead(byte: number): void {
    if (this.#head === 0) this.#compressed = byte !== 0;
    else this.#length = this.#length * 256 + byte;
    this.#head++;
    this.#partial++;
    if (this.#head === HEAD_BYTES) this.#missing = this.#length;
  }

  #complete(): void {
    this.#messages++;
    this.#chunks = 0;
    if (this.#compressed) this.#unpacked += this.#length * MAX_RATIO;
    this.#head = 0;
    this.#length = 0;
    this.#partial = 0;
  }
}
