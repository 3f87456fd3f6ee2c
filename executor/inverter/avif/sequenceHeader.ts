/** What an AV1 stream says about its colours. As in ITU-T H.273; 2 stands for "unspecified". */
export interface StreamColours {
  primaries: number;
  transfer: number;
  matrix: number;
  fullRange: boolean;
}

const SEQUENCE_HEADER = 1;

/** From the first sequence header of a stream. Undefined where there is none, or where it ends early. */
export function streamColours(stream: Buffer): StreamColours | undefined {
  for (let at = 0; at < stream.length; ) {
    const head = stream[at] ?? 0;
    let body = at + ((head & 4) === 0 ? 1 : 2);
    let length = stream.length - body;
    if ((head & 2) !== 0) {
      length = 0;
      for (let shift = 0; shift < 56; shift += 7) {
        const byte = stream[body++] ?? 0;
        length += (byte & 0x7f) * 2 ** shift;
        if ((byte & 0x80) === 0) break;
      }
    }
    if (((head >> 3) & 15) === SEQUENCE_HEADER) return readColours(new Bits(stream.subarray(body, body + length)));
    at = body + length;
  }
  return undefined;
}

class Bits {
  readonly #data: Buffer;
  #at = 0;

  constructor(data: Buffer) {
    this.#data = data;
  }

  /** True past the end of what has been read from: what was read then is made up. */
  get ended(): boolean {
    return this.#at > this.#data.length * 8;
  }

  read(count: number): number {
    let value = 0;
    for (let i = 0; i < count; i++, this.#at++) {
      value = value * 2 + (((this.#data[this.#at >> 3] ?? 0) >> (7 - (this.#at & 7))) & 1);
    }
    return value;
  }

  flag(): boolean {
    return this.read(1) === 1;
  }
}

/** As section 5.5 of the AV1 specification has it. */
function readColours(bits: Bits): StreamColours | undefined {
  const profile = bits.read(3);
  bits.read(1);
  const reduced = bits.flag();
  if (reduced) bits.read(5);
  else skipOperatingPoints(bits);
  const [widthBits, heightBits] = [bits.read(4) + 1, bits.read(4) + 1];
  bits.read(widthBits + heightBits);
  if (!reduced && bits.flag()) bits.read(7);
  bits.read(3);
  if (!reduced) skipTools(bits);
  bits.read(3);
  const high = bits.flag();
  if (profile === 2 && high) bits.read(1);
  const grey = profile !== 1 && bits.flag();
  const described = bits.flag();
  const [primaries, transfer, matrix] = described ? [bits.read(8), bits.read(8), bits.read(8)] : [2, 2, 2];
  const rgb = !grey && primaries === 1 && transfer === 13 && matrix === 0;
  const fullRange = rgb || bits.flag();
  return bits.ended ? undefined : { primaries, transfer, matrix, fullRange };
}

function skipOperatingPoints(bits: Bits): void {
  let delayBits = 0;
  let decoderModel = false;
  if (bits.flag()) {
    bits.read(64);
    if (bits.flag()) skipExponential(bits);
    decoderModel = bits.flag();
    if (decoderModel) {
      delayBits = bits.read(5) + 1;
      bits.read(42);
    }
  }
  const initialDelay = bits.flag();
  for (let left = bits.read(5) + 1; left > 0; left--) {
    bits.read(12);
    if (bits.read(5) > 7) bits.read(1);
    if (decoderModel && bits.flag()) bits.read(2 * delayBits + 1);
    if (initialDelay && bits.flag()) bits.read(4);
  }
}

/** A number of which the leading zeros say how long it is. */
function skipExponential(bits: Bits): void {
  let zeros = 0;
  while (zeros < 32 && !bits.flag()) zeros += 1;
  if (zeros < 32) bits.read(zeros);
}

function skipTools(bits: Bits): void {
  bits.read(4);
  const orderHint = bits.flag();
  if (orderHint) bits.read(2);
  const screenContent = bits.flag() ? 2 : bits.read(1);
  if (screenContent > 0 && !bits.flag()) bits.read(1);
  if (orderHint) bits.read(3);
}
