import { constants, createDeflate, type Deflate, deflateRawSync } from "node:zlib";

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

/** What is decided at once. */
const STRETCH_BYTES = 1024 * 1024;
/** What of it is compressed both ways to decide. */
const SAMPLE_BYTES = 8 * 1024;
/** What comes before the sample is searched too: rows may repeat after many kB. */
const WINDOW_BYTES = 32 * 1024;

/** Of what is compressed. */
const MAX_PART_BYTES = 256 * 1024;
const MIN_PART_BYTES = 256;

/** Compresses the pixels of a PNG, and chooses how for each megabyte of them. */
export class Deflater {
  readonly #deflate: Deflate;
  readonly #parts: Buffer[] = [];
  #untilChoice = 0;

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
    if (this.#untilChoice <= 0 && block.length >= SAMPLE_BYTES) {
      await this.#choose(block);
      this.#untilChoice = STRETCH_BYTES;
    }
    this.#untilChoice -= block.length;
    await promised((done) => this.#deflate.write(block, done));
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

  async #choose(block: Buffer): Promise<void> {
    const { level, strategy } = isPhotograph(block) ? RUNS : REPETITIONS;
    await promised((done) => this.#deflate.params(level, strategy, done));
  }
}

/** Takes a third of a millisecond: not more than it would to have it done by another thread. */
function isPhotograph(block: Buffer): boolean {
  const from = Math.min(WINDOW_BYTES, block.length - SAMPLE_BYTES);
  const sample = block.subarray(from, from + SAMPLE_BYTES);
  const runs = deflateRawSync(sample, RUNS).length;
  if (runs < SMALL * SAMPLE_BYTES) return false;
  const repetitions = deflateRawSync(sample, { ...SOME_REPETITIONS, dictionary: block.subarray(0, from) }).length;
  return runs <= MAY_BE_LARGER * repetitions;
}

function promised(start: (done: (error?: Error | null) => void) => void): Promise<void> {
  return new Promise((resolve, reject) => start((error) => (error ? reject(error) : resolve())));
}
