import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { deflateSync } from "node:zlib";
import sharp from "sharp";
import { describe, expect, it } from "vitest";
import { invertImage } from "../../../../executor/inverter/invert.js";
import {
  chunk,
  chunksOf,
  decodePng,
  filtered,
  filteredOf,
  type PngKind,
  pixelChunks,
  pngFile,
  samplesOf,
  someSamples,
} from "../../../support/png.js";

const limits = { maxPixels: 100_000_000 };

const NAMES = { 0: "grey", 2: "RGB", 3: "palette", 4: "grey with alpha", 6: "RGB with alpha" } as const;
const DEPTHS = { 0: [1, 2, 4, 8, 16], 2: [8, 16], 4: [8, 16], 6: [8, 16] } as const;
const FILTERS = ["None", "Sub", "Up", "Average", "Paeth"];

const kinds = ([0, 2, 4, 6] as const).flatMap((colourType) =>
  DEPTHS[colourType].flatMap((depth) => [false, true].map((interlaced) => ({ colourType, depth, interlaced }))),
);

function nameOf({ colourType, depth, interlaced }: Omit<PngKind, "width" | "height">): string {
  return `${NAMES[colourType]}, ${depth} bits${interlaced ? ", interlaced" : ""}`;
}

/** Colours inverted, alpha as it was. */
function invertedSamples(kind: PngKind, samples: Uint16Array): Uint16Array {
  const each = samplesOf(kind);
  const colours = each % 2 === 0 ? each - 1 : each;
  return samples.map((value, i) => (i % each < colours ? 2 ** kind.depth - 1 - value : value));
}

async function expectInverted(kind: PngKind, filterOf: (row: number) => number, most?: number): Promise<void> {
  const samples = someSamples(kind);
  const rest = filtered(kind, samples, filterOf);
  const input = pngFile(kind, ...pixelChunks(rest, most));
  const { data, info } = await invertImage(input, limits);
  const before = decodePng(input);
  const after = decodePng(data);
  expect(after.kind).toEqual(kind);
  expect(after.filters).toEqual(before.filters);
  // Compared as bytes: for arrays as long as these, toEqual takes seconds.
  expect(bytesOf(before.samples).equals(bytesOf(samples)), "read as the test made it").toBe(true);
  expect(bytesOf(after.samples).equals(bytesOf(invertedSamples(kind, samples))), "inverted").toBe(true);
  expect(info).toEqual({ format: "png", width: kind.width, height: kind.height, frames: 1 });
}

function bytesOf({ buffer, byteOffset, byteLength }: Uint16Array): Buffer {
  return Buffer.from(buffer, byteOffset, byteLength);
}

describe.each(kinds.map((kind) => ({ name: nameOf(kind), kind })))("$name", ({ kind }) => {
  it.each(FILTERS.map((name, filter) => ({ name, filter })))("rows filtered with $name", async ({ filter }) => {
    await expectInverted({ ...kind, width: 19, height: 13 }, () => filter);
  });

  it("each row filtered otherwise than the one above, in every order", async () => {
    for (let first = 0; first < 5; first++) {
      for (let step = 1; step < 5; step++) {
        await expectInverted({ ...kind, width: 11, height: 9 }, (row) => (first + row * step) % 5);
      }
    }
  });

  it("sizes at which rows and passes are short or not there", async () => {
    for (const [width, height] of [1, 2, 3, 4, 5, 8, 9].flatMap((x) => [1, 2, 3, 5, 8].map((y) => [x, y] as const))) {
      await expectInverted({ ...kind, width, height }, (row) => (row * 3 + 3) % 5);
    }
  });

  it("pixels cut into chunks of a few bytes", async () => {
    await expectInverted({ ...kind, width: 19, height: 13 }, (row) => row % 5, 3);
  });

  it("as another decoder sees it", async () => {
    const size = { ...kind, width: 40, height: 30 };
    const input = pngFile(size, ...pixelChunks(filtered(size, someSamples(size), (row) => row % 5)));
    const { data } = await invertImage(input, limits);
    const [before, after] = [await decoded(input, kind.depth), await decoded(data, kind.depth)];
    const white = kind.depth === 16 ? 65_535 : 255;
    expect(after).toEqual(before.map((value, i) => (i % 4 === 3 ? value : white - value)));
  });
});

/** As red, green, blue and alpha. */
async function decoded(input: Buffer, depth: number): Promise<Uint8Array | Uint16Array> {
  const image = sharp(input)
    .toColourspace(depth === 16 ? "rgb16" : "srgb")
    .ensureAlpha();
  const raw = await image.raw({ depth: depth === 16 ? "ushort" : "uchar" }).toBuffer();
  return depth === 16 ? new Uint16Array(raw.buffer, raw.byteOffset, raw.length / 2) : new Uint8Array(raw);
}

it.each([
  ["RGB", { colourType: 2, depth: 8, width: 401, height: 450 }],
  ["16 bits with alpha", { colourType: 6, depth: 16, width: 131, height: 500 }],
  ["one long row", { colourType: 2, depth: 8, width: 200_001, height: 1 }],
  ["rows longer than what is inflated at once", { colourType: 4, depth: 16, width: 135_001, height: 2 }],
] as const)(
  "a picture that comes in several blocks: %s",
  async (_name, size) => {
    const turns = [(row: number) => row % 5, () => 3];
    for (const filterOf of turns) await expectInverted({ ...size, interlaced: false }, filterOf);
  },
  60_000,
);

describe("a palette", () => {
  const colours = Buffer.from("ff0000 00ff00 0000ff 102030 7f7f7f".replaceAll(" ", ""), "hex");
  const inverted = Buffer.from("00ffff ff00ff ffff00 efdfcf 808080".replaceAll(" ", ""), "hex");

  it.each([4, 8])("of %d bits is inverted, and the pixels stay byte for byte", async (depth) => {
    const kind = { width: 9, height: 5, depth, colourType: 3, interlaced: false } as const;
    const samples = Uint16Array.from({ length: 45 }, (_, i) => i % 5);
    const pixels = pixelChunks(
      filtered(kind, samples, (row) => row % 5),
      7,
    );
    const alpha = chunk("tRNS", Buffer.of(0, 128, 255));
    const input = pngFile(kind, chunk("PLTE", colours), alpha, ...pixels);
    const { data } = await invertImage(input, limits);
    expect(data).toEqual(pngFile(kind, chunk("PLTE", inverted), alpha, ...pixels));
  });

  it.each([1, 2, 4, 8])("of %d bits with a colour that it does not have: black becomes white", async (depth) => {
    const kind = { width: 9, height: 5, depth, colourType: 3, interlaced: false } as const;
    const short = 2 ** depth - 1;
    const palette = chunk("PLTE", Buffer.alloc(3 * short, 7));
    const samples = new Uint16Array(45);
    const file = () => pngFile(kind, palette, ...pixelChunks(filtered(kind, samples, () => 4)));
    const paletteOf = (data: Buffer) => chunksOf(data).find(({ type }) => type === "PLTE")?.data;
    expect(paletteOf((await invertImage(file(), limits)).data)).toEqual(Buffer.alloc(3 * short, 248));
    samples[26] = short;
    const { data } = await invertImage(file(), limits);
    expect(paletteOf(data)).toEqual(Buffer.concat([Buffer.alloc(3 * short, 248), Buffer.alloc(3, 255)]));
    const [before, after] = [await sharp(file()).raw().toBuffer(), await sharp(data).raw().toBuffer()];
    expect(after).toEqual(Buffer.from(before.map((value) => 255 - value)));
  });

  it("may have anything in the bits after the last pixel of a row", async () => {
    const kind = { width: 3, height: 1, depth: 2, colourType: 3, interlaced: false } as const;
    const pixels = pixelChunks(Buffer.of(0, 0b00_01_10_11));
    const { data } = await invertImage(pngFile(kind, chunk("PLTE", Buffer.alloc(9)), ...pixels), limits);
    expect(data).toEqual(pngFile(kind, chunk("PLTE", Buffer.alloc(9, 255)), ...pixels));
  });
});

describe("a colour that is transparent stays it", () => {
  it.each([
    ["grey of 2 bits", 0, 2, [2]],
    ["grey of 8 bits", 0, 8, [77]],
    ["grey of 16 bits", 0, 16, [0x1234]],
    ["RGB", 2, 8, [1, 2, 3]],
    ["RGB of 16 bits", 2, 16, [0x1234, 0, 0xffff]],
  ] as const)("%s", async (_name, colourType, depth, key) => {
    const kind = { width: 12, height: 10, depth, colourType, interlaced: false };
    const samples = someSamples(kind);
    for (let pixel = 5; pixel < 120; pixel += 7) samples.set(key, pixel * key.length);
    const transparent = chunk("tRNS", Buffer.from(key.flatMap((value) => [value >> 8, value & 255])));
    const input = pngFile(kind, transparent, ...pixelChunks(filtered(kind, samples, (row) => row % 5)));
    const { data } = await invertImage(input, limits);
    const expected = key.flatMap((value) => [(2 ** depth - 1 - value) >> 8, (2 ** depth - 1 - value) & 255]);
    expect(chunksOf(data).find(({ type }) => type === "tRNS")?.data).toEqual(Buffer.from(expected));
    const alpha = async (png: Buffer) => await sharp(png).ensureAlpha().extractChannel(3).raw().toBuffer();
    expect(new Set(await alpha(input)).size).toBe(2);
    expect(await alpha(data)).toEqual(await alpha(input));
  });
});

describe("the result is about as large as the original compressed as PNGs are", () => {
  const side = { width: 800, height: 400, depth: 8, interlaced: false } as const;
  const rgb = { ...side, height: 200, colourType: 2 } as const;
  const grey = { ...side, colourType: 0 } as const;
  it.each([
    ["noise", rgb, someSamples(rgb)],
    ["noise that is repeated every 8 kB", grey, repeated(8_000, 320_000)],
    ["noise that is repeated every 24 kB", rgb, repeated(24_000, 480_000)],
    ["a plain colour", rgb, new Uint16Array(480_000).fill(200)],
    ["stripes", grey, new Uint16Array(320_000).map((_, i) => (i % 40 < 7 ? 255 : i % 11))],
    ["a plain half above noise", grey, someSamples(grey).map((value, i) => (i < 160_000 ? 9 : value))],
    ["noise above a plain half", grey, someSamples(grey).map((value, i) => (i < 160_000 ? value : 9))],
  ])("%s", async (_name, kind, samples) => {
    for (const filter of [0, 1, 4]) {
      const rest = filtered(kind, samples, () => filter);
      const { data } = await invertImage(pngFile(kind, ...pixelChunks(rest)), limits);
      const usual = deflateSync(rest, { memLevel: 9 }).length;
      expect(data.length - 57, `filter ${filter}`).toBeLessThan(1.02 * usual + 100);
    }
  });

  it.each([
    ["a photograph above text", 0.1, "photograph", "text"],
    ["more of it", 0.4, "photograph", "text"],
    ["text above a photograph", 0.1, "text", "photograph"],
    ["noise above text", 0.1, "noise", "text"],
    ["noise above rows that come again", 0.3, "noise", "rows"],
  ] as const)("%s, a part of %d", async (_name, part, above, below) => {
    const wide = { ...grey, width: 1536, height: 700 };
    const split = Math.floor(part * 700) * 1536;
    const samples = Uint16Array.from({ length: 700 * 1536 }, (_, i) => sources[i < split ? above : below](i));
    for (const filter of [0, 1, 2, 4]) {
      const rest = filtered(wide, samples, () => filter);
      const { data } = await invertImage(pngFile(wide, ...pixelChunks(rest)), limits);
      const usual = deflateSync(rest, { memLevel: 9 }).length;
      expect(data.length - 57, `filter ${filter}`).toBeLessThan(1.02 * usual + 100);
    }
  });

  const noise = someSamples({ ...grey, width: 40_000, height: 1 });
  const slope = someSamples({ ...grey, width: 1536, height: 700 });
  const sources = {
    noise: (i: number) => (noise[(i * 7) % 40_000] ?? 0) ^ (noise[(i * 13 + (i >> 9)) % 40_000] ?? 0),
    /** Slopes with a little noise. */
    photograph: (i: number) => (((i % 1536) >> 3) + (i >> 14) + ((slope[i] ?? 0) & 15)) & 255,
    /** Glyphs of 24 bytes, one of 60 after the other in no order. */
    text: (i: number) => noise[24 * ((noise[Math.floor(i / 24) % 39_989] ?? 0) % 60) + (i % 24)] ?? 0,
    rows: (i: number) => noise[i % 9_216] ?? 0,
  };

  function repeated(period: number, length: number): Uint16Array {
    const pattern = someSamples({ ...grey, width: period, height: 1 });
    return Uint16Array.from({ length }, (_, i) => pattern[i % period] ?? 0);
  }

  it("filters that were searched for in the original are there in the result", async () => {
    const input = await readFile(join(import.meta.dirname, "../../../../images/coffee.png"));
    const { data } = await invertImage(input, limits);
    expect(new Set(decodePng(input).filters).size).toBeGreaterThan(2);
    expect(decodePng(data).filters).toEqual(decodePng(input).filters);
    expect(data.length).toBeLessThan(1.02 * Math.max(input.length, deflateSync(filteredOf(input)).length));
  });
});

it("other tasks have their turn while a large picture is inverted", async () => {
  const turnsFor = async (height: number) => {
    const kind = { width: 1000, height, depth: 8, colourType: 2, interlaced: false } as const;
    const input = pngFile(kind, ...pixelChunks(Buffer.alloc(height * 3001)));
    let turns = 0;
    let over = false;
    const turn = () => {
      turns += 1;
      if (!over) setImmediate(turn);
    };
    turn();
    await invertImage(input, limits);
    over = true;
    return turns;
  };
  expect(await turnsFor(4_000)).toBeGreaterThan((2 * 12_000_000) / 2 ** 20);
});
