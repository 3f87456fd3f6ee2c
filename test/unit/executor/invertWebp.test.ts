import { join } from "node:path";
import sharp, { type WebpOptions } from "sharp";
import { describe, expect, it } from "vitest";
import { invertImage } from "../../../executor/inverter/invert.js";
import { makeChunk, makeWebp, readWebp } from "../../../executor/inverter/webp/webpFile.js";

const limits = { maxPixels: 100_000_000 };
const image = (alpha = false) => {
  const still = sharp(join(import.meta.dirname, "../../../images/astronaut.png")).resize(65, 47);
  return alpha ? still.ensureAlpha(0.5) : still;
};

/** Chunks that are no pixels, by their bytes. */
function about(data: Buffer): string[] {
  const chunks = readWebp(data).filter(({ type }) => !/^(VP8|ALPH|ANIM|ANMF)/.test(type));
  return chunks.map(({ type, from, to }) => `${type} ${data.toString("hex", from, to)}`);
}

/** A WebP with more chunks: before its pixels a profile, after them the others. */
function withChunks(
  webp: Buffer,
  width: number,
  height: number,
  before: Buffer[],
  after: Buffer[],
  flags: number,
): Buffer {
  const head = Buffer.alloc(10);
  head[0] = flags;
  head.writeUIntLE(width - 1, 4, 3);
  head.writeUIntLE(height - 1, 7, 3);
  const pixels = readWebp(webp).filter(({ type }) => type !== "VP8X");
  const parts = [
    makeChunk("VP8X", head),
    ...before,
    ...pixels.map(({ type, from, to }) => makeChunk(type, webp.subarray(from, to))),
    ...after,
  ];
  return makeWebp(parts);
}

/** @param shown what sharp, which is strict, can read of the input */
async function expectInverted(input: Buffer, tolerance: number, shown = input): Promise<Buffer> {
  const { data } = await invertImage(input, limits);
  const read = (webp: Buffer) =>
    sharp(webp, { pages: -1 }).keepIccProfile().raw().toBuffer({ resolveWithObject: true });
  const [before, after] = [await read(shown), await read(data)];
  expect(after.info).toEqual({ ...before.info, size: after.info.size });
  const { channels } = before.info;
  let sum = 0;
  for (const [i, value] of before.data.entries()) {
    if (channels === 4 && i % 4 === 3) expect(after.data[i]).toBe(value);
    else sum += Math.abs(255 - value - (after.data[i] ?? 0));
  }
  expect(sum / before.data.length).toBeLessThanOrEqual(tolerance);
  return data;
}

const EXIF = Buffer.from("II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x06\0\0\0\0\0\0\0", "latin1");

describe("what a WebP says about itself stays, to the byte", () => {
  it.each([
    ["lossy", false, {}, 4],
    ["lossy with alpha", true, {}, 4],
    ["lossless", false, { lossless: true, exact: true }, 0],
    ["lossless with alpha", true, { lossless: true, exact: true }, 0],
  ] as [string, boolean, WebpOptions, number][])("%s", async (_name, alpha, options, tolerance) => {
    const still = await image(alpha).webp(options).toBuffer();
    const after = [
      makeChunk("EXIF", EXIF),
      makeChunk("XMP ", Buffer.from("<x:xmpmeta/>")),
      makeChunk("what", Buffer.from("odd")),
    ];
    const input = withChunks(still, 65, 47, [], after, (alpha ? 0x10 : 0) | 0x0c);
    const output = await expectInverted(input, tolerance);
    expect(about(output)).toEqual(about(input));
    expect(about(output)).toHaveLength(3);
    expect((await sharp(output).metadata()).orientation).toBe(6);
    expect(await expectInverted(still, tolerance)).toBeDefined();
  });

  it("a profile", async () => {
    const input = await image().withIccProfile("p3").webp().toBuffer();
    expect(about(await expectInverted(input, 4))).toEqual(about(input));
  });

  it("frames, delays, loops and EXIF of an animation", async () => {
    const roll = Buffer.from(Array.from({ length: 20 * 60 * 3 }, (_, i) => (i * 7 + (i >> 9) * 50) % 256));
    const moving = await sharp(roll, { raw: { width: 20, height: 60, channels: 3, pageHeight: 20 } })
      .withExifMerge({ IFD0: { Artist: "someone" } })
      .webp({ lossless: true, exact: true, delay: [35, 1_000, 77], loop: 4 })
      .toBuffer();
    const output = await expectInverted(moving, 0);
    expect(about(output)).toEqual(about(moving));
    expect(await sharp(output).metadata()).toMatchObject({ pages: 3, delay: [35, 1_000, 77], loop: 4 });
  });
});

/** Of each frame, as the file says it: programs show short ones for longer. */
function delaysOf(data: Buffer): number[] {
  const frames = readWebp(data).filter(({ type }) => type === "ANMF");
  return frames.map(({ from }) => data.readUIntLE(from + 12, 3));
}

describe("delays of an animation stay as they are", () => {
  const delays = [0, 5, 10, 11, 65_535, 65_536, 0xffffff];
  async function moving(): Promise<Buffer> {
    const height = 20 * delays.length;
    const roll = Buffer.from(Array.from({ length: 20 * height * 3 }, (_, i) => (i * 7 + Math.floor(i / 1200)) % 256));
    const raw = { width: 20, height, channels: 3 as const, pageHeight: 20 };
    return await sharp(roll, { raw }).webp({ lossless: true, exact: true, delay: 50 }).toBuffer();
  }

  it.each(["frames that differ", "frames that are equal"])("%s", async (kind) => {
    const made = await moving();
    const [first] = readWebp(made).filter(({ type }) => type === "ANMF");
    let frame = 0;
    const parts = readWebp(made).map(({ type, from, to }) => {
      const own = type === "ANMF" && kind !== "frames that differ" ? first : undefined;
      const content = Buffer.from(made.subarray(own?.from ?? from, own?.to ?? to));
      if (type === "ANMF") content.writeUIntLE(delays[frame++] ?? 0, 12, 3);
      return makeChunk(type, content);
    });
    const input = makeWebp(parts);
    expect(delaysOf(input)).toEqual(delays);
    expect(delaysOf(await expectInverted(input, 0))).toEqual(delays);
  });
});

describe("a WebP that every viewer shows is inverted", () => {
  it.each([{}, { lossless: true, exact: true }])("with an alpha that is opaque everywhere: %j", async (options) => {
    const still = await image().webp(options).toBuffer();
    const input = withChunks(still, 65, 47, [], [], 0x10);
    expect((await sharp(input).metadata()).channels).toBe(4);
    await expectInverted(input, 4);
  });

  it.each([{ lossless: true, exact: true }, { quality: 95 }])("with frames that are equal: %j", async (options) => {
    const roll = Buffer.from(Array.from({ length: 20 * 60 * 3 }, (_, i) => (i * 7 + (i >> 11) * 90) % 256));
    const raw = { width: 20, height: 60, channels: 3 as const, pageHeight: 20 };
    const moving = await sharp(roll, { raw })
      .webp({ ...options, delay: [50, 60, 70], loop: 1 })
      .toBuffer();
    const parts = readWebp(moving).flatMap(({ type, from, to }) => {
      const chunk = makeChunk(type, moving.subarray(from, to));
      return type === "ANMF" ? [chunk, chunk] : [chunk];
    });
    const output = await expectInverted(makeWebp(parts), "quality" in options ? 6 : 0);
    const timing = { pages: 6, delay: [50, 50, 60, 60, 70, 70], loop: 1 };
    expect(await sharp(output).metadata()).toMatchObject(timing);
  });

  it("with bytes after its end", async () => {
    const whole = await image().webp().toBuffer();
    const output = await expectInverted(Buffer.concat([whole, Buffer.from("what a program added")]), 4);
    expect(output.subarray(-20).toString()).toBe("what a program added");
  });

  it("without the byte that only makes its length even", async () => {
    const still = await image().webp({ lossless: true, exact: true }).toBuffer();
    const input = withChunks(still, 65, 47, [], [makeChunk("EXIF", Buffer.concat([EXIF, Buffer.alloc(1)]))], 0x08);
    const output = await expectInverted(input.subarray(0, -1), 0, input);
    expect(about(output)).toEqual(about(input));
  });
});

it("a WebP that is cut is refused, wherever that is", async () => {
  for (const options of [{}, { lossless: true }]) {
    const whole = await image(true).webp(options).toBuffer();
    for (let length = 12; length < whole.length - 1; length += 61) {
      await expect(invertImage(whole.subarray(0, length), limits)).rejects.toThrow("broken image: ");
    }
  }
});
