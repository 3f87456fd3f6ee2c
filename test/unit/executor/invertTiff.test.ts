import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { deflateSync, inflateSync } from "node:zlib";
import sharp from "sharp";
import { describe, expect, it } from "vitest";
import { invertImage } from "../../../executor/inverter/invert.js";
import { readJpeg } from "../../../executor/inverter/jpeg/jpegFile.js";
import { readTiff } from "../../../executor/inverter/tiff/invertTiff.js";
import { pixelsOnly } from "../../../executor/inverter/tiff/pixelsOnly.js";
import { TiffFile } from "../../../executor/inverter/tiff/tiffFile.js";
import { makeTiff, type TiffPageParts, tiffTags } from "../../support/tiff.js";

const fixtures = join(import.meta.dirname, "../../fixtures/images");
const limits = { maxPixels: 100_000_000 };
const invert = async (input: Buffer) => (await invertImage(input, limits)).data;
const bytes = (length: number, step = 7) => Buffer.from(Array.from({ length }, (_, i) => (i * step) % 256));

/** What is stored of each page, strip after strip. */
function strips(data: Buffer, page = 0): Buffer[] {
  const file = new TiffFile(data);
  const entries = file.pages()[page]?.entries;
  const lengths = file.numbers(entries?.get(279));
  return file.numbers(entries?.get(273)).map((at, i) => data.subarray(at, at + (lengths[i] ?? 0)));
}

/** Every tag of a page but those about samples, by their bytes. */
function tags(data: Buffer, page = 0): [number, string][] {
  const file = new TiffFile(data);
  const samples = new Set([258, 259, 262, 273, 277, 278, 279, 284, 317, 332, 338, 339, 347, 530, 531, 532]);
  const list = file.pages()[page]?.list ?? [];
  return list.filter(({ tag }) => !samples.has(tag)).map((entry) => [entry.tag, file.value(entry).toString("hex")]);
}

/** Colours complemented, all after them as they were. */
function expected(data: Buffer, channels: number, colours: number): Buffer {
  return Buffer.from(data.map((value, i) => (i % channels < colours ? 255 - value : value)));
}

const TEXTS: TiffPageParts["tags"] = [
  [269, 2, "a document"],
  [270, 2, "größer"],
  [271, 2, "a scanner"],
  [274, 3, [6]],
  [282, 5, [300]],
  [283, 5, [301]],
  [296, 3, [2]],
  [305, 2, "a program"],
  [306, 2, "2020:01:02 03:04:05"],
  [315, 2, "an artist"],
  [700, 1, Buffer.from("<x:xmpmeta/>")],
  [33_432, 2, "someone's"],
  [33_550, 12, [1.5, 1.5, 0]],
  [33_922, 12, [0, 0, 0, 100, 200, 0]],
  [34_735, 3, [1, 1, 0, 1, 1_024, 0, 1, 1]],
  [34_737, 2, "WGS 84|"],
  [65_000, 7, Buffer.from([1, 2, 3, 4, 5, 6, 7, 8, 9])],
];

describe("a TIFF of more channels than alpha keeps them", () => {
  it("five of 8 bits", async () => {
    const input = await readFile(join(fixtures, "five-channels.tif"));
    const output = await invert(input);
    expect(strips(output)[0]).toEqual(expected(strips(input)[0] ?? Buffer.alloc(0), 5, 3));
    expect(tags(output)).toEqual(tags(input));
  });

  const orders = [true, false].flatMap((little) => [true, false].map((big) => ({ little, big })));
  describe.each(orders)("little-endian: $little, BigTIFF: $big", (order) => {
    const values = bytes(6 * 4 * 5);
    const five = (more: TiffPageParts["tags"], data: Buffer[], compression = 1): TiffPageParts => ({
      tags: [...tiffTags(6, 4, { channels: 5, compression, rows: 2 }), [338, 3, [2, 0]], ...more, ...TEXTS],
      strips: data,
    });

    it("in strips", async () => {
      const input = makeTiff([five([], [values.subarray(0, 60), values.subarray(60)])], order);
      const output = await invert(input);
      expect(Buffer.concat(strips(output))).toEqual(expected(values, 5, 3));
      expect(tags(output)).toEqual(tags(input));
    });

    it("deflated, with a predictor", async () => {
      const rows = [0, 1, 2, 3].map((row) => differences(values.subarray(row * 30, row * 30 + 30), 5));
      const halves = [rows.slice(0, 2), rows.slice(2)].map((half) => deflateSync(Buffer.concat(half)));
      const output = await invert(makeTiff([five([[317, 3, [2]]], halves, 8)], order));
      expect(await pixels(output)).toEqual(expected(values, 5, 3));
      expect(tags(output)).toEqual(tags(makeTiff([five([], halves, 8)], order)));
    });

    it("each in strips of its own", async () => {
      const planes = [0, 1, 2, 3, 4].map((plane) => bytes(24, plane + 3));
      const input = makeTiff(
        [{ tags: [...tiffTags(6, 4, { channels: 5 }), [284, 3, [2]], [338, 3, [2, 0]]], strips: planes }],
        order,
      );
      const after = strips(await invert(input));
      for (const [i, plane] of planes.entries()) expect(after[i]).toEqual(i < 3 ? expected(plane, 1, 1) : plane);
    });

    it("16 bits, packed or not", async () => {
      const wide = Uint16Array.from({ length: 24 * 5 }, (_, i) => (i * 40_503) % 65_536);
      const stored = Buffer.from(wide.buffer.slice(0));
      if (!order.little) stored.swap16();
      const right = Buffer.from(Uint16Array.from(wide, (v, i) => (i % 5 < 3 ? 65_535 - v : v)).buffer);
      if (!order.little) right.swap16();
      const page = (compression: number, data: Buffer): TiffPageParts => ({
        tags: [...tiffTags(6, 4, { channels: 5, bits: 16, compression }), [338, 3, [2, 0]]],
        strips: [data],
      });
      expect(strips(await invert(makeTiff([page(1, stored)], order)))).toEqual([right]);
      const [packed] = strips(await invert(makeTiff([page(8, deflateSync(stored))], order)));
      expect(inflated(packed)).toEqual(right);
    });

    it("colours that are multiplied with alpha", async () => {
      const data = Buffer.from([10, 20, 30, 40, 0, 0, 0, 0, 255, 0, 128, 255]);
      const input = makeTiff([{ tags: [...tiffTags(3, 1, { channels: 4 }), [338, 3, [1]]], strips: [data] }], order);
      const right = Buffer.from([30, 20, 10, 40, 0, 0, 0, 0, 0, 255, 127, 255]);
      expect(strips(await invert(input))).toEqual([right]);
    });
  });
});

describe("pages of a TIFF", () => {
  it("of two sizes: each is inverted", async () => {
    const input = await readFile(join(fixtures, "pages-of-two-sizes.tif"));
    const { data, info } = await invertImage(input, limits);
    expect(info.frames).toBe(2);
    for (const page of [0, 1]) {
      expect(strips(data, page)[0]).toEqual(expected(strips(input, page)[0] ?? Buffer.alloc(0), 1, 1));
      expect(tags(data, page)).toEqual(tags(input, page));
    }
  });

  it("of all forms: grey, colours, a palette, JPEG, fax, a mask, and pictures within a page", async () => {
    const jpeg = await sharp(bytes(32 * 32 * 3), { raw: { width: 32, height: 32, channels: 3 } })
      .tiff({ compression: "jpeg", quality: 90 })
      .toBuffer();
    const from = new TiffFile(jpeg);
    const storage = (from.pages()[0]?.list ?? [])
      .filter(({ tag }) => tag !== 273 && tag !== 279)
      .map((entry) => [entry.tag, entry.type, from.value(entry)] as [number, number, Buffer]);
    const palette = bytes(6 * 256, 11);
    const input = makeTiff([
      { tags: tiffTags(8, 8), strips: [bytes(64)], inner: [{ tags: tiffTags(4, 4), strips: [bytes(16)] }] },
      {
        tags: [
          ...storage.filter(([tag]) => tag < 270 || tag > 320 || tag === 277 || tag === 278 || tag === 284),
          [270, 2, "second"],
        ],
        strips: strips(jpeg),
      },
      { tags: [...tiffTags(8, 8, { photometric: 3 }), [320, 3, palette]], strips: [bytes(64)] },
      { tags: [...tiffTags(8, 2, { bits: 1, photometric: 4 }), [254, 4, [4]]], strips: [Buffer.from([0xf0, 0x0f])] },
      { tags: tiffTags(8, 2, { bits: 1 }), strips: [Buffer.from([0xf0, 0x0f])] },
    ]);
    const { data, info } = await invertImage(input, limits);
    expect(info).toMatchObject({ frames: 5, width: 8, height: 8 });
    expect(strips(data, 0)).toEqual([expected(bytes(64), 1, 1)]);
    const file = new TiffFile(data);
    const [first, second, third] = file.pages();
    const inner = file.directory(file.numbers(first?.entries.get(330))[0] ?? 0, 0);
    const at = file.numbers(inner.entries.get(273))[0] ?? 0;
    expect(data.subarray(at, at + 16)).toEqual(expected(bytes(16), 1, 1));
    const before = await pixels(input, 1);
    const after = await pixels(data, 1);
    const differs = before.reduce((sum, value, i) => sum + Math.abs(255 - value - (after[i] ?? 0)), 0) / before.length;
    expect(differs).toBeLessThan(3);
    expect(tags(data, 1)).toEqual(tags(input, 1));
    expect(second?.entries.has(270)).toBe(true);
    const colours = third?.entries.get(320);
    expect(colours && file.value(colours)).toEqual(Buffer.from(palette.map((value) => 255 - value)));
    expect([strips(data, 2), strips(data, 3), strips(data, 4)]).toEqual([
      [bytes(64)],
      [Buffer.from([0xf0, 0x0f])],
      [Buffer.from([0x0f, 0xf0])],
    ]);
  });

  it("two that share their samples", async () => {
    const page = { tags: tiffTags(8, 8, { compression: 8 }), strips: [deflateSync(bytes(64))] };
    const input = makeTiff([page, page]);
    const file = new TiffFile(input);
    const [first, second] = file.pages();
    const [from, to] = [first?.entries.get(273)?.valueAt ?? 0, second?.entries.get(273)?.valueAt ?? 0];
    input.copy(input, to, from, from + 4);
    const output = await invert(input);
    for (const i of [0, 1]) expect(inflated(strips(output, i)[0])).toEqual(expected(bytes(64), 1, 1));
  });
});

describe("pixels that a decoder would have to make up are refused", () => {
  const damage: [string, (data: Buffer) => Buffer][] = [
    ["cut", (data) => data.subarray(0, data.length >> 1)],
    ["zeroed", (data) => Buffer.concat([data.subarray(0, data.length >> 1), Buffer.alloc(data.length >> 1)])],
  ];

  it.each(damage)("JPEG that is %s, on any page and whatever its tags are", async (_name, damaged) => {
    const encoded = await (await noise(64, 48)).tiff({ compression: "jpeg", quality: 90 }).toBuffer();
    const [data] = strips(encoded);
    const page = (strip: Buffer) => ({ tags: [...stored(encoded), ...TEXTS], strips: [strip] });
    const first = { tags: tiffTags(8, 8), strips: [bytes(64)] };
    await expect(invert(makeTiff([first, page(data ?? Buffer.alloc(0))]))).resolves.toBeDefined();
    await expect(invert(makeTiff([first, page(damaged(data ?? Buffer.alloc(0)))]))).rejects.toThrow(
      /broken image: .*(premature end|bad Huffman|pixels are damaged)/,
    );
  });

  it.each(damage)("fax that is %s", async (_name, damaged) => {
    const encoded = await (await noise(64, 48, 1))
      .toColourspace("b-w")
      .tiff({ compression: "ccittfax4", bitdepth: 1 })
      .toBuffer();
    const [data] = strips(encoded);
    const page = (strip: Buffer) => makeTiff([{ tags: [...stored(encoded), ...TEXTS], strips: [strip] }]);
    await expect(invert(page(data ?? Buffer.alloc(0)))).resolves.toBeDefined();
    await expect(invert(page(damaged(data ?? Buffer.alloc(0))))).rejects.toThrow(
      /^broken image: (its pixels are damaged|Premature EO[FL])/,
    );
  });

  it("without a copy of the profile and the palette for each page that shares them", () => {
    const page: TiffPageParts = {
      tags: [...tiffTags(8, 8, { photometric: 3 }), [320, 3, bytes(6 * 256)], [34_675, 7, bytes(5_000)]],
      strips: [bytes(64)],
    };
    const { file, pages } = readTiff(makeTiff([page, page, page, page]));
    expect(pixelsOnly(file, pages).length - file.data.length).toBeLessThan(4 * 500);
  });

  it("while tags that a decoder warns of stay", async () => {
    const encoded = await (await noise(64, 48)).tiff({ compression: "jpeg", quality: 90 }).toBuffer();
    const odd: TiffPageParts["tags"] = [
      [65_000, 7, "private"],
      [306, 3, [1, 2, 3]],
      [34_675, 7, Buffer.alloc(0)],
    ];
    const input = makeTiff([{ tags: [...stored(encoded), ...odd], strips: strips(encoded) }]);
    expect(tags(await invert(input))).toEqual(tags(input));
  });
});

it("a JPEG page keeps the resolution of its colours, whatever its tag for it says", async () => {
  for (const chromaSubsampling of ["4:4:4", "4:2:0"]) {
    const jpeg = await (await noise(64, 48)).jpeg({ quality: 80, chromaSubsampling }).toBuffer();
    const form = tiffTags(64, 48, { channels: 3, compression: 7, photometric: 6 });
    const output = await invert(makeTiff([{ tags: [...form, [530, 3, [2, 2]]], strips: [jpeg] }]));
    const sampling = readJpeg(strips(output)[0] ?? Buffer.alloc(0)).frame.components[0]?.sampling;
    expect(sampling).toBe(chromaSubsampling === "4:2:0" ? 0x22 : 0x11);
  }
});

it("a JPEG page of 4:2:2 does not lose colours between its rows", async () => {
  const input = await readFile(join(fixtures, "jpeg-422.tif"));
  const output = await invert(input);
  expect(readJpeg(strips(output)[0] ?? Buffer.alloc(0)).frame.components[0]?.sampling).toBe(0x11);
});

describe("what a TIFF says about itself stays, to the byte", () => {
  it("a text that is padded with NULs", async () => {
    const input = await readFile(join(fixtures, "description-padded-with-nul.tif"));
    const output = await invert(input);
    expect(strips(output)[0]).toEqual(expected(strips(input)[0] ?? Buffer.alloc(0), 1, 1));
    expect(tags(output)).toEqual(tags(input));
  });

  it.each(["lzw", "deflate", "packbits", "jpeg", "none", "webp"])("%s", async (compression) => {
    const made = new TiffFile(await (await noise(300, 200)).tiff({ compression }).toBuffer());
    const given = made.pages()[0]?.list ?? [];
    const named = new Set(TEXTS.map(([tag]) => tag));
    const storage = given
      .filter(({ tag }) => tag !== 273 && tag !== 279 && !named.has(tag))
      .map((entry) => [entry.tag, entry.type, made.value(entry)] as [number, number, Buffer]);
    const input = makeTiff([{ tags: [...storage, ...TEXTS], strips: strips(made.data) }]);
    const output = await invert(input);
    expect(tags(output)).toEqual(tags(input));
    const [before, after] = [await pixels(input), await pixels(output)];
    const differs = before.reduce((sum, value, i) => sum + Math.abs(255 - value - (after[i] ?? 0)), 0) / before.length;
    expect(differs).toBeLessThan(compression === "jpeg" ? 12 : 1e-9);
    // WebP can't be written, and deflate loses nothing.
    if (compression !== "webp") expect(output.length).toBeLessThan(input.length * 1.5);
  });

  it("CMYK, whose samples are made anew", async () => {
    const tagged: TiffPageParts["tags"] = [...tiffTags(8, 8, { channels: 4, photometric: 5 }), ...TEXTS];
    const input = makeTiff([{ tags: tagged, strips: [bytes(256)] }], { little: false });
    const output = await invert(input);
    expect(tags(output)).toEqual(tags(input));
    expect((await sharp(output).metadata()).space).toBe("cmyk");
  });
});

describe("a TIFF that every viewer shows is inverted", () => {
  const tagged = (...more: TiffPageParts["tags"]) =>
    makeTiff([{ tags: [...tiffTags(8, 8), ...more], strips: [bytes(64)] }]);
  const entryOf = (data: Buffer, tag: number) => new TiffFile(data).pages()[0]?.entries.get(tag)?.at ?? 0;
  it.each([
    ["a text of which a part is missing", 2],
    ["a tag of a type that no program knows", 99],
  ])("with %s", async (_name, type) => {
    for (const where of [0xfffffff0, 300]) {
      const input = tagged([270, 2, "something long enough"]);
      input.writeUInt16LE(type, entryOf(input, 270) + 2);
      input.writeUInt32LE(1_000, entryOf(input, 270) + 4);
      input.writeUInt32LE(where, entryOf(input, 270) + 8);
      const output = await invert(input);
      expect(strips(output)).toEqual([expected(bytes(64), 1, 1)]);
      expect(output.subarray(entryOf(output, 270)).subarray(0, 12)).toEqual(
        input.subarray(entryOf(input, 270)).subarray(0, 12),
      );
    }
  });

  it("with a tag that stands there twice, tags in no order, and texts that are none", async () => {
    const input = tagged([315, 2, "one"], [315, 2, "two"], [305, 2, Buffer.from([0xff, 0xfe, 0x80])], [306, 2, ""]);
    const [width, height] = [entryOf(input, 256), entryOf(input, 257)];
    const first = Buffer.from(input.subarray(width, width + 12));
    input.copy(input, width, height, height + 12);
    first.copy(input, height);
    const output = await invert(input);
    expect(strips(output)).toEqual([expected(bytes(64), 1, 1)]);
    expect(tags(output)).toEqual(tags(input));
  });

  it("with a strip that does not say how long it is", async () => {
    const input = tagged();
    input.writeUInt32LE(0, entryOf(input, 279) + 8);
    const at = new TiffFile(input).numbers(new TiffFile(input).pages()[0]?.entries.get(273))[0] ?? 0;
    const output = await invert(input);
    expect(strips(output)).toEqual([expected(bytes(64), 1, 1)]);
    // The strip might end sooner, and something else might lie there.
    expect(output.subarray(at, at + 64)).toEqual(bytes(64));
  });

  const tell = (length: number, form: Parameters<typeof tiffTags>[2], strip: Buffer) => {
    const input = makeTiff([{ tags: [...tiffTags(8, 8, form), ...TEXTS], strips: [strip] }]);
    input.writeUInt32LE(length, entryOf(input, 279) + 8);
    return input;
  };
  it.each([0, 20, 100_000])("with a strip that says it is %i bytes long", async (length) => {
    const input = tell(length, {}, bytes(64));
    const output = await invert(input);
    expect(await pixels(output)).toEqual(expected(await pixels(input), 1, 1));
    expect(strips(output)).toEqual([expected(bytes(64), 1, 1)]);
    expect(tags(output)).toEqual(tags(input));
    expect(strips(await invert(output))).toEqual([bytes(64)]);
  });

  it.each([0, 100_000])(
    "with a deflated strip that says it is %i bytes long, and nothing after it is lost",
    async (length) => {
      const input = tell(length, { compression: 8 }, deflateSync(Buffer.alloc(64, 7)));
      const output = await invert(input);
      expect(inflated(strips(output)[0])).toEqual(Buffer.alloc(64, 248));
      expect(tags(output)).toEqual(tags(input));
    },
  );

  it("without a tag that says how long its strip is", async () => {
    for (const [compression, strip] of [
      [1, bytes(64)],
      [8, deflateSync(bytes(64))],
    ] as const) {
      const page = { tags: [...tiffTags(8, 8, { compression }), ...TEXTS], strips: [strip] };
      const input = makeTiff([page, page]);
      // It becomes a tag that nobody knows.
      input.writeUInt16LE(280, entryOf(input, 279));
      input.writeUInt16LE(65_001, entryOf(input, 280));
      const output = await invert(input);
      for (const i of [0, 1]) {
        const [data = Buffer.alloc(0)] = strips(output, i);
        expect(compression === 1 ? data : inflated(data)).toEqual(expected(bytes(64), 1, 1));
        expect(tags(output, i)).toEqual(tags(input, i).sort(([a], [b]) => a - b));
      }
    }
  });

  it("whose pages go round in a circle: each is inverted, and the circle ends", async () => {
    const noisy = await (await noise(64, 48)).tiff({ compression: "jpeg", quality: 90 }).toBuffer();
    const input = makeTiff([
      { tags: tiffTags(8, 8), strips: [bytes(64)] },
      { tags: stored(noisy), strips: strips(noisy) },
    ]);
    const [first, second] = new TiffFile(input).pages();
    input.writeUInt32LE(first?.at ?? 0, second?.nextAt ?? 0);
    const { data, info } = await invertImage(input, limits);
    expect(info.frames).toBe(2);
    expect(strips(data)).toEqual([expected(bytes(64), 1, 1)]);
    const after = new TiffFile(data).pages().at(-1);
    expect(new TiffFile(data).offset(after?.nextAt ?? 0)).toBe(0);
  });

  it.each([0, 1, 2, 3])("that ends after %i bytes of the last offset, though more is appended", async (length) => {
    // Without its length the strip goes to the end.
    const whole = tell(0, {}, bytes(64));
    const output = await invert(whole.subarray(0, whole.length - 4 + length));
    expect(output.length).toBeGreaterThan(whole.length);
    expect(new TiffFile(output).pages()).toHaveLength(1);
    expect(strips(output)).toEqual([expected(bytes(64), 1, 1)]);
  });

  it("with pictures within a page that are JPEG, have a palette or are fax", async () => {
    const noisy = await (await noise(64, 48)).tiff({ compression: "jpeg", quality: 90 }).toBuffer();
    const inner: TiffPageParts[] = [
      { tags: stored(noisy), strips: strips(noisy) },
      { tags: [...tiffTags(8, 8, { photometric: 3 }), [320, 3, bytes(6 * 256, 11)]], strips: [bytes(64)] },
    ];
    for (const within of [inner, inner.slice(0, 1)]) {
      const input = makeTiff([{ tags: stored(noisy), strips: strips(noisy), inner: within }]);
      const output = await invert(input);
      const before = await pixels(input);
      expect(distance(await pixels(output), before)).toBeLessThan(3);
      for (const i of within.keys())
        expect(distance(await innerPixels(output, i), await innerPixels(input, i))).toBeLessThan(3);
    }
  });
});

describe("the smallest and largest sample values", () => {
  const told = (...more: TiffPageParts["tags"]) =>
    makeTiff([{ tags: [...tiffTags(8, 8), ...more], strips: [bytes(64)] }]);
  it.each<[string, TiffPageParts["tags"]]>([
    [
      "0 and 255",
      [
        [340, 3, [0]],
        [341, 3, [255]],
      ],
    ],
    [
      "0 and 255 of the old kind",
      [
        [280, 3, [0]],
        [281, 3, [255]],
      ],
    ],
    ["a largest one that no sample can have", [[281, 3, [65_535]]]],
  ])("stay where they are true of the result too: %s", async (_name, more) => {
    const output = await invert(told(...more));
    expect(strips(output)).toEqual([expected(bytes(64), 1, 1)]);
    expect(tags(output)).toEqual(tags(told(...more)));
  });

  it.each<[string, TiffPageParts["tags"], string]>([
    [
      "a smallest one",
      [
        [340, 3, [1]],
        [341, 3, [255]],
      ],
      "SMinSampleValue",
    ],
    ["a largest one", [[341, 3, [200]]], "SMaxSampleValue"],
    ["a double", [[341, 12, [255]]], "SMaxSampleValue"],
    [
      "those of a statistic",
      [
        [280, 3, [3]],
        [281, 3, [255]],
      ],
      "MinSampleValue",
    ],
    ["a largest one of the old kind", [[281, 3, [200]]], "MinSampleValue"],
  ])("are refused by name where they would be wrong: %s", async (_name, more, name) => {
    await expect(invert(told(...more))).rejects.toThrow(name);
  });
});

describe("a predictor", () => {
  const page = (compression: number, predictor: number, strip: Buffer) =>
    makeTiff([{ tags: [...tiffTags(8, 8, { compression }), [317, 3, [predictor]]], strips: [strip] }]);
  it.each([2, 3])("of %i without compression means nothing", async (predictor) => {
    const output = await invert(page(1, predictor, bytes(64)));
    expect(strips(output)).toEqual([expected(bytes(64), 1, 1)]);
    expect(await pixels(output)).toEqual(expected(bytes(64), 1, 1));
  });

  it("in PackBits is refused by name", async () => {
    const packed = Buffer.concat([Buffer.from([63]), bytes(64)]);
    await expect(invert(page(32_773, 1, packed))).resolves.toBeDefined();
    await expect(invert(page(32_773, 2, packed))).rejects.toThrow(
      /^has a predictor in PackBits, which is not supported/,
    );
  });
});

describe.each([true, false])("a palette (little-endian: %s)", (little) => {
  const invertColours = async (values: number[]) => {
    const tagged: TiffPageParts["tags"] = [...tiffTags(8, 8, { photometric: 3 }), [320, 3, values]];
    const output = await invert(makeTiff([{ tags: tagged, strips: [bytes(64)] }], { little }));
    const file = new TiffFile(output);
    return file.numbers(file.pages()[0]?.entries.get(320));
  };
  const all = (value: (i: number) => number) => Array.from({ length: 768 }, (_, i) => value(i));
  it.each<[string, (i: number) => number, (i: number) => number]>([
    ["of 16 bits", (i) => i * 85, (i) => 65_535 - i * 85],
    ["of 16 bits with one colour that is not dark", (i) => (i === 5 ? 256 : 0), (i) => (i === 5 ? 65_279 : 65_535)],
    ["of 8 bits", (i) => i % 256, (i) => 255 - (i % 256)],
    ["of 8 bits, all white", () => 255, () => 0],
    ["all black", () => 0, () => 65_535],
    ["all white", () => 65_535, () => 0],
    ["all white but for the lower bits, which would be white of 8 bits", () => 65_280, () => 0],
  ])("%s", async (_name, before, after) => {
    expect(await invertColours(all(before))).toEqual(all(after));
  });
});

describe("LZW", () => {
  it.each([1, 3, 4] as const)("%d channels with more codes than a table has, and the size stays", async (channels) => {
    const input = await (await noise(300, 200, channels)).tiff({ compression: "lzw", predictor: "none" }).toBuffer();
    const output = await invert(input);
    const colours = channels === 4 ? 3 : channels;
    expect(await pixels(output)).toEqual(expected(await pixels(input), channels, colours));
    expect(output.length).toBeLessThan(input.length * 2.01);
  });

  it.each([0, 1, 2, 60, 509, 510, 511, 512, 1_022, 1_023, 2_046, 2_047, 4_093, 4_094, 4_095, 8_200])(
    "ends well after %d codes",
    async (codes) => {
      const width = codes + 1;
      // No pair of neighbours comes twice, so that each byte is a code.
      const data = Buffer.from(Array.from({ length: width }, (_, i) => (i * (1 + 2 * (i >> 8))) % 256));
      const input = await sharp(data, { raw: { width, height: 1, channels: 1 } })
        .toColourspace("b-w")
        .tiff({ compression: "lzw", predictor: "none" })
        .toBuffer();
      expect(await pixels(await invert(input))).toEqual(expected(data, 1, 1));
    },
  );
});

describe("a TIFF that can't be inverted is refused by name", () => {
  const page = (options: Parameters<typeof tiffTags>[2], more: TiffPageParts["tags"] = [], data = bytes(512)) =>
    makeTiff([{ tags: [...tiffTags(8, 8, options), ...more], strips: [data] }]);
  it.each([
    ["Zstandard", page({ compression: 50_000 }), "is compressed with Zstandard, which is not supported"],
    ["JPEG 2000", page({ compression: 34_712 }), "is compressed with JPEG 2000, which is not supported"],
    ["CIE Lab", page({ channels: 3, photometric: 8 }), "has the colour space CIE Lab, which is not supported"],
    ["a raw photograph", page({}, [[50_706, 1, [1, 4, 0, 0]]]), "is a raw photograph (DNG), which is not supported"],
    ["12 bits", page({ bits: 12 }), "has 12 bits a sample, which are not supported"],
    ["32 bits", page({ bits: 32 }), "has 32 bits a sample, which are not supported"],
    ["signed samples", page({ bits: 16 }, [[339, 3, [2]]]), "has samples of type signed integer"],
    ["floats", page({ bits: 32 }, [[339, 3, [3]]]), "has samples of type float, which are not supported"],
    ["no data", page({}, [[42_113, 2, "0"]]), "tells the value of its samples that stands for no data (GDAL_NODATA)"],
    [
      "a stack of ImageJ",
      page({}, [[270, 2, "ImageJ=1.11a\nimages=5\nhyperstack=true\n"]]),
      "holds a stack of which only the first",
    ],
    [
      "a stack of tifffile",
      page({}, [[270, 2, '{"shape": [5, 8, 8], "truncated": true}']]),
      "holds a stack of which only the first",
    ],
    ["YCbCr", page({ channels: 3, photometric: 6 }, [[530, 3, [1, 1]]]), "has the colour space YCbCr without JPEG"],
    [
      "JPEG multiplied with alpha",
      page({ channels: 4, compression: 7 }, [[338, 3, [1]]]),
      "has colours multiplied with an alpha",
    ],
    ["a mask alone", page({ bits: 1, photometric: 4 }), "holds a mask, and no picture for it"],
    ["6 channels in CMYK", page({ channels: 6, photometric: 5 }), "has 6 channels, which are not supported in CMYK"],
  ])("%s", async (_name, input, message) => {
    await expect(invertImage(input, limits)).rejects.toThrow(message);
    await expect(invertImage(input, limits)).rejects.not.toThrow("broken");
  });

  it("and where there are several pages, by the page", async () => {
    const input = makeTiff([
      { tags: tiffTags(8, 8), strips: [bytes(64)] },
      { tags: tiffTags(8, 8, { compression: 34_887 }), strips: [bytes(64)] },
    ]);
    await expect(invertImage(input, limits)).rejects.toThrow("page 2: is compressed with LERC, which is not supported");
  });

  it.each([
    [
      "short strips",
      makeTiff([{ tags: tiffTags(8, 8, { rows: 4 }), strips: [bytes(32), bytes(30)] }]),
      "broken image: its strips or tiles are too short",
    ],
    ["strips outside of the file", page({}, [[65_002, 7, bytes(64)]], bytes(64)).subarray(0, 60), "broken image: "],
    ["damaged strips", page({ compression: 8 }), "broken image: its strip or tile 1 is damaged or too short"],
    ["no strips", makeTiff([{ tags: tiffTags(8, 8), strips: [] }]), "broken image: it has 0 of 1 strips"],
    ["no page", Buffer.from("II*\0\0\0\0\0"), "broken image: the TIFF has no page"],
  ])("a broken one: %s", async (_name, input, message) => {
    await expect(invertImage(input, limits)).rejects.toThrow(message);
  });

  it("wherever it is cut", async () => {
    const whole = await (await noise(60, 40)).tiff({ compression: "lzw" }).toBuffer();
    for (let length = 8; length < whole.length - 4; length += 97) {
      await expect(invertImage(whole.subarray(0, length), limits)).rejects.toThrow("broken image: ");
    }
  });

  it("directories that lie over each other, without reading each of them", async () => {
    // Each begins 2 bytes after the one before, and says it has as many entries as fit.
    const input = Buffer.alloc(60_000, 1);
    input.write("II*\0", "latin1");
    input.writeUInt32LE(8, 4);
    for (let at = 8; at < 20_000; at += 2) input.writeUInt16LE(3_000, at);
    await expect(invertImage(input, limits)).rejects.toThrow("broken image: the TIFF ends within a directory");
  });

  it("more samples than the limit of pixels allows", async () => {
    const input = page({ channels: 40, photometric: 1 }, [], bytes(64 * 40));
    await expect(invertImage(input, { maxPixels: 64 })).resolves.toBeDefined();
    const many = makeTiff([
      { tags: tiffTags(200, 200, { channels: 40, photometric: 1, compression: 8 }), strips: [bytes(64)] },
    ]);
    await expect(invertImage(many, { maxPixels: 40_000 })).rejects.toThrow(
      "has 1600000 bytes of samples, over the limit",
    );
  });
});

/** The tags of an encoded page, but for those that say where its strips are. */
function stored(encoded: Buffer): TiffPageParts["tags"] {
  const file = new TiffFile(encoded);
  return (file.pages()[0]?.list ?? [])
    .filter(({ tag }) => (tag < 269 || tag > 306 || [277, 278, 284, 292, 293].includes(tag)) && tag !== 700)
    .map((entry) => [entry.tag, entry.type, file.value(entry)]);
}

/** How far the second one is from being the first one's complement, on average. */
function distance(data: Buffer, other: Buffer): number {
  expect(data).toHaveLength(other.length);
  return data.reduce((sum, value, i) => sum + Math.abs(255 - value - (other[i] ?? 0)), 0) / data.length;
}

/** Of the nth picture within the first page. */
async function innerPixels(data: Buffer, n: number): Promise<Buffer> {
  const file = new TiffFile(data);
  const copy = Buffer.from(data);
  copy.writeUInt32LE(file.numbers(file.pages()[0]?.entries.get(330))[n] ?? 0, 4);
  return await pixels(copy);
}

function differences(row: Buffer, channels: number): Buffer {
  return Buffer.from(row.map((value, i) => value - (i < channels ? 0 : (row[i - channels] ?? 0))));
}

function inflated(data: Buffer | undefined): Buffer {
  return inflateSync(data ?? Buffer.alloc(0));
}

async function pixels(data: Buffer, page = 0): Promise<Buffer> {
  const image = sharp(data, { page, failOn: "error" });
  const { space } = await image.metadata();
  return await image.toColourspace(space).raw().toBuffer();
}

async function noise(width: number, height: number, channels: 1 | 3 | 4 = 3) {
  let seed = 1;
  const data = Buffer.from(
    Array.from({ length: width * height * channels }, () => {
      seed = (Math.imul(seed, 1_103_515_245) + 12_345) & 0x7fffffff;
      return seed >>> 16;
    }),
  );
  return sharp(data, { raw: { width, height, channels } }).toColourspace(channels === 1 ? "b-w" : "srgb");
}
