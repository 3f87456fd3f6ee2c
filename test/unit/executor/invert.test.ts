import { readFile } from "node:fs/promises";
import { join } from "node:path";
import sharp, { type Sharp } from "sharp";
import { describe, expect, it } from "vitest";
import { invertImage } from "../../../executor/inverter/invert.js";
import { DQT, segmentsOf } from "../../../executor/inverter/jpegMarkers.js";
import { jpegQuality } from "../../../executor/inverter/jpegQuality.js";

const images = join(import.meta.dirname, "../../../images");
const limits = { maxPixels: 100_000_000 };
const WIDTH = 61;
const HEIGHT = 37;

/** A picture with every kind of sample in it, reproducible. */
function samples(channels: 1 | 2 | 3 | 4): Sharp {
  const data = Buffer.alloc(WIDTH * HEIGHT * channels);
  for (let i = 0; i < data.length; i++) data[i] = (i * 7_919 + (i >> 5)) % 256;
  const image = sharp(data, { raw: { width: WIDTH, height: HEIGHT, channels } });
  return channels < 3 ? image.toColourspace("b-w") : image;
}

function samples16(channels: 1 | 2 | 3 | 4): Sharp {
  const data = Uint16Array.from({ length: WIDTH * HEIGHT * channels }, (_, i) => (i * 40_503) % 65_536);
  const image = sharp(data, { raw: { width: WIDTH, height: HEIGHT, channels } });
  return image.toColourspace(channels < 3 ? "grey16" : "rgb16");
}

/** A photograph, small: what lossy formats are made for. */
async function photograph(): Promise<Sharp> {
  return sharp(await sharp(join(images, "astronaut.png")).resize(160, 120).png().toBuffer());
}

async function pixels(data: Buffer, sixteen = false) {
  const metadata = await sharp(data).metadata();
  // Raw samples of a grey image come without its alpha.
  const space = metadata.channels === 2 ? (sixteen ? "rgb16" : "srgb") : metadata.space;
  const image = sharp(data, { pages: -1 }).keepIccProfile().toColourspace(space);
  const { data: raw, info } = await image
    .raw({ depth: sixteen ? "ushort" : "uchar" })
    .toBuffer({ resolveWithObject: true });
  const values = sixteen ? new Uint16Array(raw.buffer, raw.byteOffset, raw.length / 2) : raw;
  return { values, channels: info.channels, alpha: metadata.hasAlpha };
}

/** Compares every sample: colours inverted, alpha as it was. Returns the largest difference. */
async function worstDifference(input: Buffer, output: Buffer, sixteen = false): Promise<number> {
  const before = await pixels(input, sixteen);
  const after = await pixels(output, sixteen);
  expect(after.values.length).toBe(before.values.length);
  expect(after.channels).toBe(before.channels);
  const white = sixteen ? 65_535 : 255;
  let worst = 0;
  for (let i = 0; i < before.values.length; i++) {
    const channel = i % before.channels;
    const isAlpha = before.alpha && channel === before.channels - 1;
    // A GIF's transparent pixels have no colour.
    const visible = !before.alpha || before.values[i - channel + before.channels - 1] !== 0;
    if (!visible) continue;
    const expected = isAlpha ? (before.values[i] ?? 0) : white - (before.values[i] ?? 0);
    worst = Math.max(worst, Math.abs(expected - (after.values[i] ?? 0)));
  }
  return worst;
}

async function meanDifference(input: Buffer, output: Buffer): Promise<number> {
  const before = await pixels(input);
  const after = await pixels(output);
  let sum = 0;
  for (let i = 0; i < before.values.length; i++)
    sum += Math.abs(255 - (before.values[i] ?? 0) - (after.values[i] ?? 0));
  return sum / before.values.length;
}

describe("lossless formats are inverted sample by sample", () => {
  const exact: [string, () => Promise<Buffer>, boolean?][] = [
    ["PNG", () => samples(3).png().toBuffer()],
    ["PNG with alpha", () => samples(4).png().toBuffer()],
    ["PNG, interlaced", () => samples(3).png({ progressive: true }).toBuffer()],
    ["PNG, grey", () => samples(1).png().toBuffer()],
    ["PNG, grey with alpha", () => samples(2).png().toBuffer()],
    ["PNG, 16 bits", () => samples16(3).png().toBuffer(), true],
    ["PNG, 16 bits with alpha", () => samples16(4).png().toBuffer(), true],
    ["PNG, 16 bits, grey", () => samples16(1).png().toBuffer(), true],
    ["PNG with palette", () => samples(3).png({ palette: true, colours: 200 }).toBuffer()],
    ["PNG with palette of 4 bits and alpha", () => samples(4).png({ palette: true, colours: 16 }).toBuffer()],
    ["PNG with a wide-gamut profile", () => samples(3).withIccProfile("p3").png().toBuffer()],
    ["GIF", () => samples(3).gif().toBuffer()],
    ["WebP, lossless", () => samples(4).webp({ lossless: true, exact: true }).toBuffer()],
    ["TIFF, LZW", () => samples(4).tiff({ compression: "lzw" }).toBuffer()],
    ["TIFF, uncompressed", () => samples(3).tiff({ compression: "none" }).toBuffer()],
    ["TIFF, tiled, deflate", () => samples(3).tiff({ compression: "deflate", tile: true }).toBuffer()],
    ["TIFF, 16 bits", () => samples16(3).tiff({ compression: "deflate" }).toBuffer(), true],
    ["TIFF, grey", () => samples(1).tiff({ compression: "packbits" }).toBuffer()],
    ["TIFF, black and white", () => samples(1).tiff({ compression: "ccittfax4", bitdepth: 1 }).toBuffer()],
  ];
  it.each(exact)("%s", async (_name, make, sixteen = false) => {
    const input = await make();
    const { data, info } = await invertImage(input, limits);
    expect(await worstDifference(input, data, sixteen)).toBe(0);
    const [before, after] = [await sharp(input).metadata(), await sharp(data).metadata()];
    const kept = [
      "format",
      "width",
      "height",
      "space",
      "channels",
      "depth",
      "isPalette",
      "isProgressive",
      "bitsPerSample",
      "hasProfile",
    ] as const;
    for (const field of kept) expect(after[field], field).toBe(before[field]);
    expect(info).toMatchObject({ width: WIDTH, height: HEIGHT, frames: 1, format: before.format });
    expect(after.icc).toEqual(before.icc);
  });

  it.each(["astronaut.png", "chelsea.png", "coffee.png"])(
    "the photograph %s, and twice inverted it is itself",
    async (name) => {
      const input = await readFile(join(images, name));
      const once = await invertImage(input, limits);
      expect(await worstDifference(input, once.data)).toBe(0);
      const twice = await invertImage(once.data, limits);
      expect((await pixels(twice.data)).values).toEqual((await pixels(input)).values);
    },
  );
});

describe("lossy formats stay close", () => {
  it.each([
    ["JPEG 4:2:0", (image: Sharp) => image.jpeg({ quality: 85 }), 2],
    [
      "JPEG 4:4:4, progressive",
      (image: Sharp) => image.jpeg({ quality: 92, chromaSubsampling: "4:4:4", progressive: true }),
      1,
    ],
    ["JPEG, grey", (image: Sharp) => image.toColourspace("b-w").jpeg(), 1],
    ["WebP", (image: Sharp) => image.webp(), 3],
    ["AVIF", (image: Sharp) => image.avif(), 3],
    ["AVIF 4:2:0", (image: Sharp) => image.avif({ chromaSubsampling: "4:2:0" }), 3],
    ["TIFF with JPEG inside", (image: Sharp) => image.tiff({ compression: "jpeg", quality: 90 }), 2],
  ])("%s", async (_name, encode, tolerance) => {
    const input = await encode(await photograph()).toBuffer();
    const { data } = await invertImage(input, limits);
    expect(await meanDifference(input, data)).toBeLessThan(tolerance);
    const [before, after] = [await sharp(input).metadata(), await sharp(data).metadata()];
    const kept = [
      "format",
      "mediaType",
      "width",
      "height",
      "space",
      "channels",
      "chromaSubsampling",
      "isProgressive",
    ] as const;
    for (const field of kept) expect(after[field], field).toBe(before[field]);
  });

  it.each(["rocket.jpg", "hubble_deep_field.jpg"])("the photograph %s", async (name) => {
    const input = await readFile(join(images, name));
    const { data } = await invertImage(input, limits);
    expect(await meanDifference(input, data)).toBeLessThan(2);
    expect(data.length / input.length).toBeGreaterThan(0.7);
    expect(data.length / input.length).toBeLessThan(1.3);
  });

  it.each([30, 50, 75, 83, 95, 100])("reads a JPEG's quality: %d", async (quality) => {
    expect(jpegQuality(await (await photograph()).jpeg({ quality }).toBuffer())).toBe(quality);
  });

  it.each([60, 90])(
    "a JPEG's quality is that of its luminance, of quality %d in whatever order its tables come",
    async (quality) => {
      const input = await (await photograph()).jpeg({ quality }).toBuffer();
      const [first, second] = [...segmentsOf(input)].filter(({ marker }) => marker === DQT);
      if (!first || !second || first.to !== second.from) throw new Error("the encoder writes other tables");
      const tables = [input.subarray(second.from, second.to), input.subarray(first.from, first.to)];
      const turned = Buffer.concat([input.subarray(0, first.from), ...tables, input.subarray(second.to)]);
      expect(jpegQuality(turned)).toBe(quality);
      const bodies = tables.map((table) => table.subarray(4));
      const head = Buffer.of(0xff, DQT, 0, 2 + bodies.reduce((sum, { length }) => sum + length, 0));
      expect(
        jpegQuality(Buffer.concat([input.subarray(0, first.from), head, ...bodies, input.subarray(second.to)])),
      ).toBe(quality);
    },
  );

  it("CMYK JPEG with a profile that is not of CMYK: it is inverted as without it, and the profile stays", async () => {
    const colours = await sharp(await (await photograph()).png().toBuffer())
      .withIccProfile("srgb")
      .png()
      .toBuffer();
    const { icc } = await sharp(colours).metadata();
    const plain = await (await photograph()).toColourspace("cmyk").jpeg({ quality: 95 }).toBuffer();
    const body = Buffer.concat([Buffer.from("ICC_PROFILE\0\x01\x01", "latin1"), icc ?? Buffer.alloc(0)]);
    const segment = Buffer.concat([Buffer.of(0xff, 0xe2, (body.length + 2) >> 8, (body.length + 2) & 255), body]);
    const input = Buffer.concat([plain.subarray(0, 2), segment, plain.subarray(2)]);
    const { data } = await invertImage(input, limits);
    expect((await sharp(data).metadata()).icc).toEqual(icc);
    const without = await invertImage(plain, limits);
    expect(Buffer.concat([data.subarray(0, 2), data.subarray(2 + segment.length)])).toEqual(without.data);
  });

  it("AVIF keeps 10 bits", async () => {
    const input = await (await photograph()).avif({ bitdepth: 10 }).toBuffer();
    const { data } = await invertImage(input, limits);
    expect((await sharp(data).metadata()).bitsPerSample).toBe(10);
  });

  it.each([
    ["without a profile", (image: Sharp) => image.toColourspace("cmyk")],
    ["with a profile", (image: Sharp) => image.withIccProfile("cmyk")],
  ])("CMYK JPEG %s: black gets white and white gets black", async (_name, toCmyk) => {
    const half = { width: 32, height: 64, channels: 3 as const };
    const black = await sharp({ create: { ...half, background: "black" } })
      .png()
      .toBuffer();
    const both = sharp({ create: { width: 64, height: 64, channels: 3, background: "white" } }).composite([
      { input: black, left: 0, top: 0 },
    ]);
    const input = await toCmyk(sharp(await both.png().toBuffer()))
      .jpeg({ quality: 95 })
      .toBuffer();
    const { data } = await invertImage(input, limits);
    const [before, after] = [await sharp(input).metadata(), await sharp(data).metadata()];
    expect([after.space, after.channels, after.chromaSubsampling]).toEqual(["cmyk", 4, before.chromaSubsampling]);
    expect(after.icc).toEqual(before.icc);
    const rgb = await sharp(data).toColourspace("srgb").raw().toBuffer();
    const brightness = (x: number) => rgb[(32 * 64 + x) * 3] ?? 0;
    expect(brightness(8)).toBeGreaterThan(225);
    expect(brightness(56)).toBeLessThan(60);
  });
});

describe("animations", () => {
  async function frames(): Promise<Buffer> {
    const roll = Buffer.alloc(40 * 90 * 4, 0);
    for (let i = 0; i < 40 * 90; i++) {
      const frame = Math.floor(i / (40 * 30));
      if (i % 40 > 4) roll.set([40 * frame, 255 - 60 * frame, (i % 40) * 6, 255], i * 4);
    }
    return await sharp(roll, { raw: { width: 40, height: 90, channels: 4, pageHeight: 30 } })
      .gif({ delay: [50, 100, 150], loop: 3 })
      .toBuffer();
  }

  it("GIF keeps frames, delays, loops and transparency, and its colours exactly inverted", async () => {
    const input = await frames();
    const { data, info } = await invertImage(input, limits);
    expect(info).toEqual({ format: "gif", width: 40, height: 30, frames: 3 });
    expect(await worstDifference(input, data)).toBe(0);
    expect(await sharp(data).metadata()).toMatchObject({ pages: 3, delay: [50, 100, 150], loop: 3 });
  });

  it("WebP keeps frames, delays and loops", async () => {
    const input = await sharp(await frames(), { animated: true })
      .webp({ lossless: true, exact: true })
      .toBuffer();
    const { data, info } = await invertImage(input, limits);
    expect(info).toEqual({ format: "webp", width: 40, height: 30, frames: 3 });
    expect(await worstDifference(input, data)).toBe(0);
    expect(await sharp(data).metadata()).toMatchObject({ pages: 3, delay: [50, 100, 150], loop: 3 });
  });

  it("TIFF keeps its pages", async () => {
    const input = await sharp(await frames(), { animated: true })
      .tiff({ compression: "lzw" })
      .toBuffer();
    const { data, info } = await invertImage(input, limits);
    expect(info).toMatchObject({ width: 40, height: 30, frames: 3 });
    expect(await worstDifference(input, data)).toBe(0);
  });
});

describe("metadata stay", () => {
  it.each([
    ["jpeg", (image: Sharp) => image.jpeg()],
    ["png", (image: Sharp) => image.png()],
    ["webp", (image: Sharp) => image.webp()],
    ["tiff", (image: Sharp) => image.tiff({ compression: "lzw" })],
  ])("%s: orientation is neither applied nor lost, and profile, EXIF, XMP and density stay", async (format, encode) => {
    const xmp =
      '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"/></x:xmpmeta>';
    const image = samples(3)
      .withMetadata({ orientation: 6, density: 200 })
      .withExifMerge({ IFD0: { Copyright: "someone" } })
      .withXmp(xmp)
      .withIccProfile("p3");
    const input = await encode(image).toBuffer();
    const { data, info } = await invertImage(input, limits);
    const [before, after] = [await sharp(input).metadata(), await sharp(data).metadata()];
    expect([before.orientation, before.width, before.height]).toEqual([6, WIDTH, HEIGHT]);
    expect([after.orientation, after.width, after.height]).toEqual([6, WIDTH, HEIGHT]);
    expect([info.width, info.height]).toEqual([WIDTH, HEIGHT]);
    expect(after.icc?.length).toBeGreaterThan(0);
    expect(after.icc).toEqual(before.icc);
    expect(after.xmp).toEqual(before.xmp);
    expect(after.density).toBe(before.density);
    if (format !== "tiff") expect(after.exif?.toString("latin1")).toContain("someone");
  });
});

describe("what can't be inverted gets an error that a person understands", () => {
  it.each([
    ["nothing", Buffer.alloc(0), "not an image: it is empty"],
    ["text", Buffer.from("hello there"), "not an image: it starts with 'hello there'"],
    ["an error page", Buffer.from("\n<!doctype html><title>404</title>"), "not an image: it is an HTML page"],
    [
      "an SVG",
      Buffer.from('<?xml version="1.0"?>\n<svg xmlns="http://www.w3.org/2000/svg"/>'),
      "an SVG drawing, which is not supported",
    ],
    ["HEIC", Buffer.from("\0\0\0\x18ftypheic\0\0\0\0", "latin1"), "a HEIC image, which is not supported"],
    ["a PDF", Buffer.from("%PDF-1.7"), "a PDF document, which is not supported"],
    ["a header alone", Buffer.from([0xff, 0xd8, 0xff, 0xe0]), "broken image: "],
  ])("%s", async (_name, input, message) => {
    await expect(invertImage(input, limits)).rejects.toThrow(message);
    await expect(invertImage(input, limits)).rejects.toMatchObject({ name: "ImageError" });
  });

  it.each(["png", "jpeg", "gif", "webp", "tiff", "avif"] as const)("a %s that is cut short", async (format) => {
    const whole = await (await photograph()).toFormat(format).toBuffer();
    await expect(invertImage(whole.subarray(0, whole.length / 2), limits)).rejects.toThrow("broken image: ");
  });

  it("a PNG with a palette that is cut short", async () => {
    const whole = await (await photograph()).png({ palette: true }).toBuffer();
    await expect(invertImage(whole.subarray(0, whole.length / 2), limits)).rejects.toThrow("broken image: ");
  });

  it("too many pixels, before they are decoded", async () => {
    const input = await sharp({ create: { width: 14_000, height: 9_000, channels: 3, background: "red" } })
      .png()
      .toBuffer();
    await expect(invertImage(input, limits)).rejects.toThrow(
      "is 14000 x 9000 pixels, over the limit of 100 megapixels",
    );
    const gif = await sharp(Buffer.alloc(300 * 4), { raw: { width: 10, height: 30, channels: 4, pageHeight: 10 } })
      .gif({ keepDuplicateFrames: true })
      .toBuffer();
    await expect(invertImage(gif, { maxPixels: 299 })).rejects.toThrow(
      "is 10 x 10 pixels in 3 frames, over the limit of 0.000299 megapixels",
    );
  });

  it("samples that are not whole numbers", async () => {
    const input = await samples(3).tiff({ predictor: "float", compression: "deflate" }).toBuffer();
    await expect(invertImage(input, limits)).rejects.toThrow("has samples of type float, which are not supported");
  });

  it("an image that takes too long", async () => {
    const noise = { type: "gaussian" as const, mean: 128, sigma: 60 };
    const input = await sharp({ create: { width: 8_000, height: 5_000, channels: 3, background: "red", noise } })
      .png({ compressionLevel: 0 })
      .toBuffer();
    await expect(invertImage(input, { ...limits, timeoutMs: 700 })).rejects.toThrow("takes longer than 1 s to invert");
  }, 60_000);
});
