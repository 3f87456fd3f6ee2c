import { deflateSync } from "node:zlib";
import fc from "fast-check";
import sharp from "sharp";
import { expect, it } from "vitest";
import { invertImage } from "../../../../executor/inverter/invert.js";
import { chunk, decodePng, filtered, type PngKind, pngFile, samplesOf, someSamples } from "../../../support/png.js";

const DEPTHS = { 0: [1, 2, 4, 8, 16], 2: [8, 16], 3: [1, 2, 4, 8], 4: [8, 16], 6: [8, 16] } as const;

const kinds: fc.Arbitrary<PngKind> = fc
  .constantFrom(0 as const, 2 as const, 3 as const, 4 as const, 6 as const)
  .chain((colourType) =>
    fc.record({
      colourType: fc.constant(colourType),
      depth: fc.constantFrom(...DEPTHS[colourType]),
      width: fc.integer({ min: 1, max: 21 }),
      height: fc.integer({ min: 1, max: 19 }),
      interlaced: fc.boolean(),
    }),
  );

const files = fc.record({
  kind: kinds,
  filters: fc.array(fc.integer({ min: 0, max: 4 }), { minLength: 1, maxLength: 7 }),
  smooth: fc.boolean(),
  /** Of the pixels' chunks, one after the other and over again; 0 for an empty chunk. */
  lengths: fc.array(fc.integer({ min: 0, max: 60 }), { minLength: 1, maxLength: 6 }).filter((all) => all.some(Boolean)),
  zlib: fc.record({
    level: fc.integer({ min: 0, max: 9 }),
    windowBits: fc.integer({ min: 9, max: 15 }),
    memLevel: fc.integer({ min: 1, max: 9 }),
    strategy: fc.integer({ min: 0, max: 4 }),
  }),
  key: fc.boolean(),
  palette: fc.integer({ min: 1, max: 256 }),
  after: fc.uint8Array({ maxLength: 9 }),
});
type File = typeof files extends fc.Arbitrary<infer T> ? T : never;

function samplesFor({ kind, smooth }: File): Uint16Array {
  const samples = someSamples(kind);
  return smooth ? samples.map((_, i) => (i >> 3) & (2 ** kind.depth - 1)) : samples;
}

function make(file: File): Buffer {
  const { kind, filters, lengths, zlib, key, palette, after } = file;
  const samples = samplesFor(file);
  const data = deflateSync(
    filtered(kind, samples, (row) => filters[row % filters.length] ?? 0),
    zlib,
  );
  const pixels: Buffer[] = [];
  for (let at = 0, i = 0; at < data.length; i++) {
    const length = lengths[i % lengths.length] ?? 1;
    pixels.push(chunk("IDAT", data.subarray(at, at + length)));
    at += length;
  }
  const before: Buffer[] = [];
  if (kind.colourType === 3) {
    const colours = Math.min(palette, 2 ** kind.depth);
    before.push(chunk("PLTE", Buffer.from(Array.from({ length: 3 * colours }, (_, i) => (i * 91) % 256))));
    if (key) before.push(chunk("tRNS", Buffer.of(128, 0).subarray(0, colours)));
  } else if (key && kind.colourType < 4) {
    const colour = [...samples.subarray(0, samplesOf(kind))];
    before.push(chunk("tRNS", Buffer.from(colour.flatMap((value) => [value >> 8, value & 255]))));
  }
  return Buffer.concat([pngFile(kind, ...before, ...pixels), after]);
}

/** As another decoder sees it: red, green, blue and alpha. */
async function decoded(png: Buffer, depth: number): Promise<Uint8Array | Uint16Array> {
  const image = sharp(png)
    .toColourspace(depth === 16 ? "rgb16" : "srgb")
    .ensureAlpha();
  const raw = await image.raw({ depth: depth === 16 ? "ushort" : "uchar" }).toBuffer();
  return depth === 16 ? new Uint16Array(raw.buffer, raw.byteOffset, raw.length / 2) : new Uint8Array(raw);
}

it("whatever a PNG is made of, its colours are inverted and nothing else", async () => {
  const property = fc.asyncProperty(files, async (file) => {
    const { kind, after } = file;
    const input = make(file);
    const { data } = await invertImage(input, { maxPixels: 1_000_000 });
    const [before, now] = [await decoded(input, kind.depth), await decoded(data, kind.depth)];
    const white = kind.depth === 16 ? 65_535 : 255;
    expect(now).toEqual(before.map((value, i) => (i % 4 === 3 ? value : white - value)));
    const tail = data.subarray(data.length - after.length);
    expect(tail).toEqual(Buffer.from(after));
    const [old, made] = [decodePng(input), decodePng(data)];
    expect([made.kind, made.filters]).toEqual([old.kind, old.filters]);
    const twice = await invertImage(data, { maxPixels: 1_000_000 });
    expect(decodePng(twice.data).samples).toEqual(old.samples);
  });
  await fc.assert(property, { numRuns: 100 });
}, 60_000);

it("whatever is done to the bytes of a PNG, it is inverted or refused in words", async () => {
  const changes = fc.array(fc.tuple(fc.nat(), fc.integer({ min: 0, max: 255 })), { minLength: 1, maxLength: 4 });
  const property = fc.asyncProperty(files, changes, fc.option(fc.nat()), async (file, edits, cut) => {
    const input = make(file);
    for (const [at, value] of edits) input[8 + (at % (input.length - 8))] = value;
    const cutAt = cut === null ? input.length : 8 + (cut % (input.length - 8));
    const done = await invertImage(input.subarray(0, cutAt), { maxPixels: 1_000_000 }).catch((error: Error) => error);
    if (done instanceof Error) expect([done.name, done.message]).toEqual(["ImageError", expect.stringMatching(/\w/)]);
    else await sharp(done.data).raw().toBuffer();
  });
  await fc.assert(property, { numRuns: 200 });
}, 60_000);
