import { constants, createDeflate, type Deflate, deflateRawSync } from "node:zlib";
import { Repetitions, WINDOW_BYTES } from "./repetitions.js";

/**
 * Looks for repetitions up to 32 kB back, at the level that most PNGs are made with. It takes three times as long as
 * `RUNS`, and drawings and text get a fraction of the size.
 */
const REPETITIONS = { level: 6, strategy: constants.Z_DEFAULT_STRATEGY } as const;
/** Takes runs of the same byte together, and no more: in the residuals of a photograph there is nothing else to find. */
const RUNS = { level: 6, strategy: constants.Z_RLE } as const;
/** Finds most of them, in a third of the time. */
const SOME_REPETITIONS = { level: 3 } as const;
/** How much larger runs may be than those: in photographs they are smaller by 5 % to larger by 1 %. */
const MAY_BE_LARGER = 1.02;
/** Below, `REPETITIONS` take little time. A plain background tells nothing of the text that follows. */
const SMALL = 0.25;

/** Of each, it is decided how it is compressed. */
const PIECE_BYTES = 32 * 1024;
/** Less of nearly any photograph is repeated. */
const MUCH_REPEATED = 0.08;
/** What a sample says holds for so many bytes, but for a photograph up to where much is repeated. */
const STRETCH_BYTES = 1024 * 1024;
/** What of a piece is compressed both ways to decide. What comes before is searched too: rows may repeat after many kB. */
const SAMPLE_BYTES = 8 * 1024;

/** Of what is compressed. */
const MAX_PART_BYTES = 256 * 1024;
const MIN_PART_BYTES = 256;

/** Compresses the pixels of a PNG, and chooses how for each piece of them. */
export class Deflater {
  readonly #deflate: Deflate;
  readonly #parts: Buffer[] = [];
  readonly #repetitions = new Repetitions();
  #method: typeof REPETITIONS | typeof RUNS = REPETITIONS;
  #untilSample = 0;
  #isInPhotograph = false;

  /** @param bytes  how many will come */
  constructor(bytes: number) {
    const chunkSize = Math.min(MAX_PART_BYTES, Math.max(MIN_PART_BYTES, bytes));
    this.#deflate = createDeflate({ ...REPETITIONS, memLevel: 9, chunkSize });
    this.#deflate.on("data", (part: Buffer) => this.#parts.push(part));
    // Each write is awaited, and gets the error too.
    this.#deflate.on("error", () => {});
  }

  /** When it resolves, the block may be changed. */
  async write(block: Buffer): Promise<void> {
    let written = 0;
    for (let from = 0; from < block.length; from += PIECE_BYTES) {
      const method = this.#methodFor(block, from, Math.min(block.length, from + PIECE_BYTES));
      if (method === this.#method) continue;
      if (from > written) await this.#write(block.subarray(written, from));
      written = from;
      this.#method = method;
      await promised((done) => this.#deflate.params(method.level, method.strategy, done));
    }
    await this.#write(block.subarray(written));
  }

  /** The compressed bytes, in parts. Nothing may be written after. */
  async end(): Promise<Buffer[]> {
    const ended = new Promise((resolve) => this.#deflate.once("end", resolve));
    await promised((done) => this.#deflate.end(done));
    await ended;
    return this.#parts;
  }

  /** Frees zlib's memory; needed only before the end. */
  close(): void {
    this.#deflate.destroy();
  }

  async #write(part: Buffer): Promise<void> {
    await promised((done) => this.#deflate.write(part, done));
  }

  #methodFor(block: Buffer, from: number, to: number): typeof REPETITIONS | typeof RUNS {
    // Too short to tell: as what came before.
    if (to - from < SAMPLE_BYTES) return this.#method;
    this.#untilSample -= to - from;
    if (this.#untilSample > 0 && !this.#isInPhotograph) return this.#method;
    const repeated = this.#repetitions.in(block, from, to);
    if (this.#untilSample <= 0 || repeated > MUCH_REPEATED) {
      this.#isInPhotograph = isPhotograph(block, to);
      this.#untilSample = STRETCH_BYTES;
    }
    return this.#isInPhotograph ? RUNS : REPETITIONS;
  }
}

/** Takes a third of a millisecond: not more than it would to have it done by another thread. @param to where the sample ends */
function isPhotograph(block: Buffer, to: number): boolean {
  const from = to - SAMPLE_BYTES;
  const sample = block.subarray(from, to);
  const runs = deflateRawSync(sample, RUNS).length;
  if (runs < SMALL * SAMPLE_BYTES) return false;
  const dictionary = block.subarray(Math.max(0, from - WINDOW_BYTES), from);
  const repetitions = deflateRawSync(sample, { ...SOME_REPETITIONS, dictionary }).length;
  return runs <= MAY_BE_LARGER * repetitions;
}

function promised(start: (done: (error?: Error | null) => void) => void): Promise<void> {
  return new Promise((resolve, reject) => start((error) => (error ? reject(error) : resolve())));
}
