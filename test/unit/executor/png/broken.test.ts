import { deflateSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { ImageError } from "../../../../executor/inverter/imageError.js";
import { invertImage } from "../../../../executor/inverter/invert.js";
import {
  chunk,
  chunksOf,
  decodePng,
  filtered,
  header,
  type PngKind,
  pixelChunks,
  pngFile,
  someSamples,
} from "../../../support/png.js";

const limits = { maxPixels: 100_000_000 };
const RGB = { width: 24, height: 16, depth: 8, colourType: 2, interlaced: false } as const;
const PALETTE = { ...RGB, depth: 4, colourType: 3 } as const;
const colours = chunk("PLTE", Buffer.alloc(48));
const rows = filtered(RGB, someSamples(RGB), (row) => row % 5);
const indices = filtered(PALETTE, someSamples(PALETTE), (row) => row % 5);

async function expectRefused(input: Buffer, message: string): Promise<void> {
  const failure = await invertImage(input, limits).then(
    () => "was inverted",
    (error: unknown) => error,
  );
  expect(failure).toBeInstanceOf(ImageError);
  expect((failure as Error).message).toContain(message);
}

/** The end of one chunk changed. */
function withBit(input: Buffer, at: number): Buffer {
  const out = Buffer.from(input);
  out[at] = (out[at] ?? 0) ^ 1;
  return out;
}

describe.each<[string, PngKind, Buffer]>([
  ["RGB", RGB, pngFile(RGB, chunk("tEXt", "a\0b"), ...pixelChunks(rows), chunk("tIME", "1234567"))],
  ["a palette", PALETTE, pngFile(PALETTE, colours, ...pixelChunks(indices, 50))],
])("%s", (_name, kind, whole) => {
  it("cut short anywhere before its end is refused", async () => {
    const last = chunksOf(whole).reduce((at, { type, data }) => (type === "IEND" ? at : at + data.length + 12), 8);
    const time = kind.colourType === 2 ? 19 : 0;
    for (let length = 8; length < last; length++) {
      // Up to three zeros may be the beginning of the end.
      const mayBeWhole = length >= last - time && length <= last - time + 3;
      if (!mayBeWhole) await expectRefused(whole.subarray(0, length), "broken image: ");
    }
  });

  it("with one bit changed anywhere is refused, or is inverted without the metadata that the bit was in", async () => {
    const right = decodePng((await invertImage(whole, limits)).data);
    let inverted = 0;
    for (let at = 8; at < whole.length; at++) {
      const done = await invertImage(withBit(whole, at), limits).catch((error: unknown) => error);
      if (done instanceof ImageError) continue;
      const { data } = done as { data: Buffer };
      expect({ at, ...decodePng(data) }).toEqual({ at, ...right });
      expect(chunksOf(data).find(({ type }) => type === "PLTE")?.data).toEqual(
        kind.colourType === 3 ? Buffer.alloc(48, 255) : undefined,
      );
      inverted += 1;
    }
    expect(inverted).toBeGreaterThanOrEqual(4);
  });
});

describe("a PNG that every viewer shows is inverted", () => {
  const pixels = [...pixelChunks(rows)];
  const right = decodePng(pngFile(RGB, ...pixels)).samples.map((value) => 255 - value);
  const whole = pngFile(RGB, ...pixels);
  const open = whole.subarray(0, -12);
  const text = chunk("tEXt", "a\0b");
  const types = async (input: Buffer) => {
    const { data } = await invertImage(input, limits);
    expect(decodePng(data).samples).toEqual(right);
    return { data, types: chunksOf(data).map(({ type }) => type) };
  };

  it.each([0, 1, 3, 4, 6, 8, 10, 11])("with %d bytes of its end: it gets a whole one", async (bytes) => {
    const { data } = await types(whole.subarray(0, open.length + bytes));
    expect(data).toEqual((await types(whole)).data);
  });

  it("with a wrong CRC in its end, and with what follows that", async () => {
    const tail = Buffer.from("PK and more");
    const { data } = await types(Buffer.concat([withBit(whole, whole.length - 1), tail]));
    expect(data).toEqual(Buffer.concat([(await types(whole)).data, tail]));
  });

  it.each([
    ["zeros", Buffer.alloc(40)],
    ["bytes of no chunk", Buffer.from("??? and ??? and more")],
  ])("with %s instead of its end: they stay behind it", async (_name, tail) => {
    const { data } = await types(Buffer.concat([open, tail]));
    expect(data).toEqual(Buffer.concat([(await types(whole)).data, tail]));
  });

  it.each(["tEXt", "iTXt", "eXIf", "pHYs", "tIME", "prIv", "prIV", "pCAL"])(
    "with a wrong CRC in a %s chunk, which viewers pass over: it is left out",
    async (type) => {
      const damaged = withBit(chunk(type, "abcdefg"), 9);
      for (const input of [pngFile(RGB, damaged, text, ...pixels), pngFile(RGB, text, ...pixels, damaged)]) {
        expect((await types(input)).types.filter((each) => each !== "IDAT")).toEqual(["IHDR", "tEXt", "IEND"]);
      }
    },
  );

  it.each("gAMA cHRM iCCP sRGB sBIT cICP mDCV cLLI tRNS bKGD sPLT fcTL fdAT".split(" "))(
    "but not with a wrong CRC in its %s chunk, without which it may look otherwise",
    async (type) => {
      const input = pngFile(RGB, withBit(chunk(type, "abcdef"), 9), ...pixels);
      await expectRefused(input, `broken image: its ${type} chunk is damaged`);
    },
  );

  it.each(["IHDR", "PLTE", "IDAT"])("and not with a wrong CRC in its %s chunk", async (type) => {
    const input = pngFile(PALETTE, colours, ...pixelChunks(indices));
    await expectRefused(withBit(input, input.indexOf(type) + 7), `broken image: the CRC of the ${type} chunk at byte `);
  });

  it("and not where another chunk is cut", async () => {
    for (const cut of [text.subarray(0, 6), text.subarray(0, 13)]) {
      await expectRefused(Buffer.concat([open, cut]), "broken image: the PNG ends ");
    }
  });
});

describe("names what is broken", () => {
  const zlib = deflateSync(rows);
  const idat = (data: Buffer) => chunk("IDAT", data);
  const wrongKind = (change: Partial<Record<keyof PngKind, number>>) =>
    pngFile({ ...RGB, ...change } as PngKind, idat(zlib));
  const ihdr = (...tail: number[]) =>
    chunk("IHDR", Buffer.concat([Buffer.of(0, 0, 0, 9, 0, 0, 0, 9), Buffer.from(tail)]));
  const file = (...chunks: Buffer[]) => Buffer.concat([pngFile(RGB).subarray(0, 8), ...chunks, chunk("IEND")]);
  it.each<[string, Buffer, string]>([
    ["a wrong CRC", withBit(pngFile(RGB, idat(zlib)), 45), "the CRC of the IDAT chunk at byte 33 is wrong"],
    ["no pixels", pngFile(RGB), "has no pixels: no IDAT chunk"],
    [
      "compressed data that end",
      pngFile(RGB, idat(zlib.subarray(0, -20))),
      "compressed pixels of the PNG end too early",
    ],
    ["compressed data without their checksum", pngFile(RGB, idat(zlib.subarray(0, -4))), "end too early"],
    [
      "compressed data with a wrong checksum",
      pngFile(RGB, idat(withBit(zlib, zlib.length - 1))),
      "damaged (incorrect data check)",
    ],
    ["data that are not compressed", pngFile(RGB, idat(rows)), "the compressed pixels of the PNG are damaged"],
    ["empty data", pngFile(RGB, idat(Buffer.alloc(0))), "end too early"],
    ["a dictionary", pngFile(RGB, idat(deflateSync(rows, { dictionary: Buffer.from("abc") }))), "are damaged"],
    ["fewer rows", pngFile(RGB, ...pixelChunks(rows.subarray(0, -73))), "fewer pixels than its header says"],
    ["fewer pixels", pngFile(RGB, ...pixelChunks(rows.subarray(0, -1))), "fewer pixels than its header says"],
    [
      "an unknown filter",
      pngFile(RGB, ...pixelChunks(withFilter(rows, 2, 5))),
      "row 2 of the PNG has the unknown filter 5",
    ],
    [
      "pixels in two places",
      pngFile(RGB, idat(zlib.subarray(0, 50)), chunk("tEXt", "a\0b"), idat(zlib.subarray(50))),
      "other chunks are between the IDAT chunks",
    ],
    ["no palette", pngFile(PALETTE, ...pixelChunks(indices)), "has no palette before its pixels"],
    ["a late palette", pngFile(PALETTE, ...pixelChunks(indices), colours), "has no palette before its pixels"],
    ["two palettes", pngFile(PALETTE, colours, colours, ...pixelChunks(indices)), "has two palettes"],
    [
      "a palette that is cut",
      pngFile(PALETTE, chunk("PLTE", "1234"), ...pixelChunks(indices)),
      "has a palette of 4 bytes",
    ],
    ["an empty palette", pngFile(PALETTE, chunk("PLTE"), ...pixelChunks(indices)), "has a palette of 0 bytes"],
    ["two headers", pngFile(RGB, header(RGB), idat(zlib)), "has two IHDR chunks"],
    ["no header", file(idat(zlib)), "does not begin with an IHDR chunk"],
    ["no width", wrongKind({ width: 0 }), "says that it is 0 x 16 pixels"],
    ["a height of 31 bits and more", wrongKind({ height: 2 ** 31 }), "says that it is 24 x 2147483648 pixels"],
    ["RGB of 4 bits", wrongKind({ depth: 4 }), "no PNG has the colour type 2 with 4 bits"],
    ["an unknown colour type", wrongKind({ colourType: 5 }), "no PNG has the colour type 5 with 8 bits"],
    ["an unknown compression", file(ihdr(8, 2, 1, 0, 0), idat(zlib)), "methods that do not exist (compression 1,"],
    ["an unknown kind of filters", file(ihdr(8, 2, 0, 64, 0), idat(zlib)), "filters 64"],
    ["an unknown interlacing", file(ihdr(8, 2, 0, 0, 2), idat(zlib)), "interlace 2"],
    ["what is no chunk", pngFile(RGB, Buffer.from("hello, hello, hello"), idat(zlib)), "has no chunk at byte 33"],
  ])("%s", async (_name, input, message) => {
    await expectRefused(input, message);
    await expectRefused(input, "broken image: ");
  });
});

/** @param row which row gets the filter; rows have 73 bytes */
function withFilter(data: Buffer, row: number, filter: number): Buffer {
  const out = Buffer.from(data);
  out[73 * row] = filter;
  return out;
}

describe("what follows the last pixel is no part of the picture", () => {
  const expected = decodePng(pngFile(RGB, ...pixelChunks(rows))).samples.map((value) => 255 - value);
  it.each([
    ["a chunk after the end of the compressed data", [...pixelChunks(rows), chunk("IDAT", "more")]],
    [
      "bytes after the end of the compressed data",
      [chunk("IDAT", Buffer.concat([deflateSync(rows), Buffer.from("more")]))],
    ],
    ["an empty chunk", [chunk("IDAT"), ...pixelChunks(rows), chunk("IDAT")]],
    ["more rows", pixelChunks(Buffer.concat([rows, rows]))],
    ["more rows, far more than are read, and damage then", [chunk("IDAT", bomb())]],
  ])("%s", async (_name, chunks) => {
    const { data } = await invertImage(pngFile(RGB, ...chunks), limits);
    expect(decodePng(data).samples).toEqual(expected);
  });

  function bomb(): Buffer {
    const compressed = deflateSync(Buffer.concat([rows, Buffer.alloc(50_000_000)]));
    return compressed.fill(0xff, compressed.length - 1000);
  }
});

describe("limits", () => {
  it("too many pixels, told before any is decoded", async () => {
    const input = pngFile({ ...RGB, width: 200_000, height: 100_000 }, ...pixelChunks(Buffer.from("no pixels")));
    await expectRefused(input, "is 200000 x 100000 pixels, over the limit of 100 megapixels");
  });

  it("rows too long to hold", async () => {
    const input = pngFile({ ...RGB, depth: 16, width: 50_000_000, height: 1 });
    await expectRefused(input, "is 50000000 pixels wide, which is not supported: a row may take 256 MiB");
  });

  it("more chunks than any file has", async () => {
    const texts = Array.from({ length: 10_001 }, () => chunk("tEXt", "a\0b"));
    const input = pngFile(RGB, ...texts, ...pixelChunks(rows));
    await expectRefused(input, "has more than 10000 chunks beside its pixels, which is not supported");
  });

  it("a suggested palette longer than any file has", async () => {
    const input = pngFile(RGB, chunk("sPLT", Buffer.alloc(9 * 2 ** 20)), ...pixelChunks(rows));
    await expectRefused(input, "has a sPLT chunk of 9437184 bytes, which is more than is supported");
  });
});
