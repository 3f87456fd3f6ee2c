import { deflateSync, crc32 as zlibCrc32 } from "node:zlib";
import sharp from "sharp";
import { describe, expect, it } from "vitest";
import { invertImage } from "../../../../executor/inverter/invert.js";
import { slicedCrc32 } from "../../../../executor/inverter/png/crc32.js";
import {
  chunk,
  chunksOf,
  decodePng,
  filtered,
  type PngKind,
  pixelChunks,
  pngFile,
  someSamples,
} from "../../../support/png.js";

const limits = { maxPixels: 100_000_000 };
const RGB = { width: 24, height: 16, depth: 8, colourType: 2, interlaced: false } as const;

function pixelsOf(kind: PngKind): Buffer[] {
  return pixelChunks(filtered(kind, someSamples(kind), (row) => row % 5));
}

const u16 = (...values: number[]) => Buffer.from(values.flatMap((value) => [value >> 8, value & 255]));

describe("chunks that stay true stay byte for byte", () => {
  const before: [string, Buffer | string][] = [
    ["cICP", Buffer.of(9, 16, 0, 1)],
    ["mDCV", Buffer.alloc(24, 7)],
    ["cLLI", Buffer.alloc(8, 3)],
    ["gAMA", Buffer.of(0, 1, 0x86, 0xa0)],
    ["cHRM", Buffer.alloc(32, 1)],
    ["sBIT", Buffer.of(5, 6, 5)],
    ["sRGB", Buffer.of(0)],
    ["iCCP", Buffer.concat([Buffer.from("any\0\0", "latin1"), deflateSync(Buffer.alloc(200, 1))])],
    ["PLTE", Buffer.alloc(6)],
    ["hIST", u16(3, 7)],
    ["pHYs", Buffer.of(0, 0, 0x2e, 0x23, 0, 0, 0x2e, 0x23, 1)],
    ["sCAL", "\x010.02\x000.02"],
    ["oFFs", Buffer.alloc(9)],
    ["sTER", Buffer.of(1)],
    ["eXIf", Buffer.from("MM\0*\0\0\0\x08\0\0", "latin1")],
    ["tIME", Buffer.of(7, 0xde, 8, 31, 13, 10, 22)],
    ["tEXt", "parameters\0a cat, steps: 20"],
    ["tEXt", "Comment\0caf\xe9"],
    ["zTXt", Buffer.concat([Buffer.from("Comment\0\0", "latin1"), deflateSync("said twice, said twice")])],
    ["iTXt", Buffer.from("Title\0\0\0de\0Titel\0Größe", "utf8")],
    ["iTXt", Buffer.from('XML:com.adobe.xmp\0\0\0\0\0<x:xmpmeta xmlns:x="adobe:ns:meta/"/>', "utf8")],
    ["vpAg", Buffer.alloc(9, 2)],
    ["prIv", "x"],
  ];
  const after: [string, string][] = [
    ["tEXt", "Comment\0after the pixels"],
    ["prIv", ""],
  ];

  it("and in their order, before and after the pixels", async () => {
    const make = (list: readonly [string, Buffer | string][]) => list.map(([type, data]) => chunk(type, data));
    const { data } = await invertImage(pngFile(RGB, ...make(before), ...pixelsOf(RGB), ...make(after)), limits);
    const kept = chunksOf(data).filter(({ type }) => type !== "IDAT" && type !== "PLTE");
    const all = [...before, ...after].filter(([type]) => type !== "PLTE");
    expect(kept.slice(1, -1).map(({ type, data }) => [type, data.toString("latin1")])).toEqual(
      all.map(([type, data]) => [type, data.toString("latin1")]),
    );
    const types = chunksOf(data).map(({ type }) => type);
    expect(types.filter((type, i) => type !== types[i - 1])).toEqual(
      ["IHDR", ...before.map(([type]) => type), "IDAT", ...after.map(([type]) => type), "IEND"].filter(
        (type, i, list) => type !== list[i - 1],
      ),
    );
  });

  it("and what comes after the end of the PNG", async () => {
    const input = Buffer.concat([pngFile(RGB, ...pixelsOf(RGB)), Buffer.from("PK and more")]);
    const { data } = await invertImage(input, limits);
    expect(data.toString("latin1").endsWith("IEND\xae\x42\x60\x82PK and more")).toBe(true);
  });

  it("and grey of 4 bits stays grey of 4 bits", async () => {
    const kind = { ...RGB, colourType: 0, depth: 4 } as const;
    const { data } = await invertImage(pngFile(kind, ...pixelsOf(kind)), limits);
    expect(decodePng(data).kind).toEqual(kind);
    expect(await sharp(data).metadata()).toMatchObject({ channels: 1, bitsPerSample: 4 });
  });
});

describe("chunks with colours are inverted as the pixels are", () => {
  const rgba = { ...RGB, colourType: 6 } as const;
  const grey16 = { ...RGB, colourType: 0, depth: 16 } as const;
  const grey2 = { ...RGB, colourType: 0, depth: 2 } as const;
  const entries8 = Buffer.of(1, 2, 3, 128, 0, 9, 255, 0, 7, 0, 1, 1);
  const inverted8 = Buffer.of(254, 253, 252, 128, 0, 9, 0, 255, 248, 0, 1, 1);
  it.each([
    ["the background of an RGB picture", rgba, "bKGD", u16(255, 16, 0), u16(0, 239, 255)],
    ["the background of a grey one of 16 bits", grey16, "bKGD", u16(0x1234), u16(0xedcb)],
    ["the background of a grey one of 2 bits", grey2, "bKGD", u16(2), u16(1)],
    ["a palette that is suggested", RGB, "PLTE", Buffer.of(0, 1, 255, 9, 8, 7), Buffer.of(255, 254, 0, 246, 247, 248)],
    [
      "a palette that is suggested, with counts and alpha",
      RGB,
      "sPLT",
      Buffer.concat([Buffer.from("name\0\x08", "latin1"), entries8]),
      Buffer.concat([Buffer.from("name\0\x08", "latin1"), inverted8]),
    ],
    [
      "the same with 16 bits",
      RGB,
      "sPLT",
      Buffer.concat([Buffer.from("name\0\x10", "latin1"), u16(1, 2, 0x1234, 128, 9)]),
      Buffer.concat([Buffer.from("name\0\x10", "latin1"), u16(0xfffe, 0xfffd, 0xedcb, 128, 9)]),
    ],
  ] as const)("%s", async (_name, kind, type, before, after) => {
    const { data } = await invertImage(pngFile(kind, chunk(type, before), ...pixelsOf(kind)), limits);
    expect(chunksOf(data).find((found) => found.type === type)?.data).toEqual(after);
  });

  it("but the number of the background's colour in a palette stays, and so does its alpha", async () => {
    const kind = { ...RGB, colourType: 3, depth: 1 } as const;
    const rest = [chunk("tRNS", Buffer.of(7)), chunk("bKGD", Buffer.of(1)), ...pixelsOf(kind)];
    const { data } = await invertImage(pngFile(kind, chunk("PLTE", "\0\0\0\xff\xff\xff"), ...rest), limits);
    expect(data).toEqual(pngFile(kind, chunk("PLTE", "\xff\xff\xff\0\0\0"), ...rest));
  });
});

describe("unknown chunks", () => {
  it.each(["iDOT", "caBX", "dSIG", "prIV"])("%s goes: it tells of the pixels as they were", async (type) => {
    const input = pngFile(RGB, chunk(type, "abc"), chunk("tEXt", "a\0b"), ...pixelsOf(RGB), chunk(type, "abc"));
    const { data } = await invertImage(input, limits);
    const types = chunksOf(data).map((found) => found.type);
    expect(types).toEqual(["IHDR", "tEXt", "IDAT", "IEND"]);
  });

  it.each(["CgBI", "PrIV"])("%s, without which the pixels can't be understood, is refused", async (type) => {
    await expect(invertImage(pngFile(RGB, chunk(type, "abc"), ...pixelsOf(RGB)), limits)).rejects.toThrow(
      `has a ${type} chunk, which is not supported: the pixels can't be understood without it`,
    );
  });
});

it("a pCAL chunk, which tells what pixels have measured, is refused by name", async () => {
  const input = pngFile(RGB, chunk("pCAL", "any\0"), ...pixelsOf(RGB));
  await expect(invertImage(input, limits)).rejects.toThrow(/^has a pCAL chunk, which is not supported/);
});

it("the CRC is that of zlib where Node does not have it", () => {
  for (let length = 0; length < 40; length++) {
    const data = Buffer.from(Array.from({ length }, (_, i) => i * 89 + length));
    expect(slicedCrc32(data)).toBe(zlibCrc32(data));
    expect(slicedCrc32(data.subarray(length / 2), slicedCrc32(data.subarray(0, length / 2)))).toBe(zlibCrc32(data));
  }
});
