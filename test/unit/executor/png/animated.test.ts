import { deflateSync } from "node:zlib";
import sharp from "sharp";
import { describe, expect, it } from "vitest";
import { ImageError } from "../../../../executor/inverter/imageError.js";
import { invertImage } from "../../../../executor/inverter/invert.js";
import {
  animationControl,
  chunk,
  chunksOf,
  FrameWriter,
  filtered,
  framesOf,
  type PngKind,
  pixelChunks,
  pngFile,
  someSamples,
} from "../../../support/png.js";

const limits = { maxPixels: 100_000_000 };
const RGB = { width: 24, height: 16, depth: 8, colourType: 2, interlaced: false } as const;
const NAMES = { 0: "grey", 2: "RGB", 3: "palette", 4: "grey with alpha", 6: "RGB with alpha" } as const;

const smaller = (kind: PngKind, width: number, height: number): PngKind => ({ ...kind, width, height });

function compressed(kind: PngKind, level = 6): Buffer {
  const samples = someSamples(kind);
  return deflateSync(
    filtered(kind, samples, (row) => row % 5),
    { level },
  );
}

/** The picture, and three frames of other sizes with all ways to dispose and blend. */
function animated(kind: PngKind, { pictureIsFrame = true, before = [] as Buffer[] } = {}): Buffer {
  const writer = new FrameWriter();
  const sizes = [smaller(kind, 9, 5), smaller(kind, 1, 1), smaller(kind, kind.width, kind.height)] as const;
  const first = pictureIsFrame ? [writer.control({ ...kind, dispose: 1 })] : [];
  const frames = sizes.map((size, i) =>
    writer.frame({
      width: size.width,
      height: size.height,
      x: kind.width - size.width,
      y: kind.height - size.height,
      dispose: i,
      blend: i % 2,
      pixels: compressed(size, i * 4),
      cuts: 1 + i * 3,
    }),
  );
  const control = animationControl(frames.length + first.length);
  const text = chunk("tEXt", "a\0b");
  return pngFile(
    kind,
    ...before,
    control,
    ...first,
    ...pixelChunks(inflatedRows(kind), 100),
    text,
    ...frames.flat(),
    text,
  );
}

function inflatedRows(kind: PngKind): Buffer {
  return filtered(kind, someSamples(kind), (row) => (row + 2) % 5);
}

/** As red, green, blue and alpha. */
async function decoded(still: Buffer, depth: number): Promise<Uint8Array | Uint16Array> {
  const image = sharp(still)
    .toColourspace(depth === 16 ? "rgb16" : "srgb")
    .ensureAlpha();
  const raw = await image.raw({ depth: depth === 16 ? "ushort" : "uchar" }).toBuffer();
  return depth === 16 ? new Uint16Array(raw.buffer, raw.byteOffset, raw.length / 2) : new Uint8Array(raw);
}

async function expectEachFrameInverted(input: Buffer, depth: number): Promise<void> {
  const { data, info } = await invertImage(input, limits);
  const [before, after] = [framesOf(input), framesOf(data)];
  expect(after.controls).toEqual(before.controls);
  expect(info.frames).toBe(before.controls.length);
  expect(after.stills.length).toBe(before.stills.length);
  const white = depth === 16 ? 65_535 : 255;
  for (const [i, still] of before.stills.entries()) {
    const [old, now] = [await decoded(still, depth), await decoded(after.stills[i] ?? still, depth)];
    expect(now).toEqual(old.map((value, at) => (at % 4 === 3 ? value : white - value)));
  }
  const others = (file: Buffer) =>
    chunksOf(file).filter(({ type }) => !["IDAT", "fdAT", "fcTL", "PLTE", "tRNS"].includes(type));
  expect(others(data)).toEqual(others(input));
}

const kinds = ([0, 2, 3, 4, 6] as const).flatMap((colourType) =>
  (colourType === 0 ? [1, 2, 4, 8, 16] : colourType === 3 ? [1, 2, 4, 8] : [8, 16]).map((depth) => ({
    colourType,
    depth,
  })),
);

describe.each(kinds)("an animation of colour type $colourType at $depth bits", ({ colourType, depth }) => {
  it.each([false, true])(
    `has each frame inverted, and keeps place, time and order (${NAMES[colourType]}, interlaced: %s)`,
    async (interlaced) => {
      const kind: PngKind = { width: 24, height: 16, depth, colourType, interlaced };
      const palette =
        colourType === 3
          ? [chunk("PLTE", Buffer.from(Array.from({ length: 3 * 2 ** depth }, (_, i) => (i * 37) % 256)))]
          : [];
      for (const pictureIsFrame of [true, false]) {
        await expectEachFrameInverted(animated(kind, { pictureIsFrame, before: palette }), depth);
      }
    },
  );
});

it("a colour that is transparent stays it in each frame", async () => {
  const key = Buffer.from([...someSamples(RGB).subarray(0, 3)].flatMap((value) => [0, value]));
  const input = animated(RGB, { before: [chunk("tRNS", key)] });
  await expectEachFrameInverted(input, 8);
});

it("with a palette nothing but its colours differs", async () => {
  const kind = { ...RGB, colourType: 3, depth: 1 } as const;
  const of = (palette: string) => animated(kind, { before: [chunk("PLTE", palette)] });
  const { data } = await invertImage(of("\0\0\0\xff\xff\xff"), limits);
  expect(data).toEqual(of("\xff\xff\xff\0\0\0"));
});

it("a palette gets white for a colour that only a frame has, and that it does not have", async () => {
  const kind = { ...RGB, colourType: 3, depth: 2 } as const;
  const none = pixelChunks(filtered(kind, new Uint16Array(24 * 16), () => 0));
  const of = (palette: number[], samples: Uint16Array) => {
    const writer = new FrameWriter();
    const rest = [animationControl(2), writer.control(kind), ...none];
    const second = writer.frame({ ...RGB, pixels: deflateSync(filtered(kind, samples, () => 0)) });
    return pngFile(kind, chunk("PLTE", Buffer.from(palette)), ...rest, ...second);
  };
  const two = new Uint16Array(24 * 16).fill(2, 300);
  expect((await invertImage(of([0, 0, 0, 1, 2, 3], two), limits)).data).toEqual(
    of([255, 255, 255, 254, 253, 252, 255, 255, 255], two),
  );
});

it("limits count the pixels of all frames", async () => {
  const input = animated(RGB);
  await expect(invertImage(input, { maxPixels: 4 * 24 * 16 - 1 })).rejects.toThrow(
    "is 24 x 16 pixels in 4 frames, over the limit of 0.001535 megapixels",
  );
  expect((await invertImage(input, { maxPixels: 4 * 24 * 16 })).info.frames).toBe(4);
});

it("frames without an acTL chunk before the picture are no animation: viewers pass over them", async () => {
  const writer = new FrameWriter();
  const rest = [
    ...pixelChunks(inflatedRows(RGB)),
    animationControl(1),
    ...writer.frame({ ...RGB, pixels: compressed(RGB) }),
  ];
  const { data, info } = await invertImage(pngFile(RGB, ...rest), limits);
  expect(info.frames).toBe(1);
  expect(chunksOf(data).filter(({ type }) => type === "fdAT")).toEqual(
    chunksOf(pngFile(RGB, ...rest)).filter(({ type }) => type === "fdAT"),
  );
});

describe.each<[string, PngKind, Buffer[]]>([
  ["RGB", RGB, []],
  ["a palette", { ...RGB, colourType: 3 }, [chunk("PLTE", Buffer.alloc(768))]],
])("an animation of %s that is damaged is refused, with what is wrong", (_name, kind, palette) => {
  const picture = pixelChunks(inflatedRows(kind));
  const pixels = compressed(kind);
  const { width, height } = kind;
  const make = (build: (writer: FrameWriter) => Buffer[], frames = 2) => {
    const writer = new FrameWriter();
    const first = writer.control(kind);
    return pngFile(kind, ...palette, animationControl(frames), first, ...picture, ...build(writer));
  };
  const short = deflateSync(inflatedRows(kind).subarray(0, -5));
  const wrongFilter = Buffer.from(inflatedRows(kind));
  wrongFilter[0] = 9;
  it.each<[string, Buffer, string]>([
    [
      "a frame that ends early",
      make((w) => w.frame({ width, height, pixels: pixels.subarray(0, -20) })),
      "the compressed pixels of frame 2 of the PNG end too early",
    ],
    [
      "a frame of fewer pixels",
      make((w) => w.frame({ width, height, pixels: short })),
      "frame 2 of the PNG has fewer pixels than its header says",
    ],
    [
      "a frame of other data",
      make((w) => w.frame({ width, height, pixels: Buffer.alloc(50, 7) })),
      "the compressed pixels of frame 2 of the PNG are damaged",
    ],
    [
      "a frame of an unknown filter",
      make((w) => w.frame({ width, height, pixels: deflateSync(wrongFilter) })),
      "row 0 of frame 2 of the PNG has the unknown filter 9",
    ],
    [
      "a frame wider than the picture",
      make((w) => w.frame({ width: 25, height, pixels })),
      "frame 2 of the PNG is 25 x 16 pixels at 0, 0: not within the picture",
    ],
    [
      "a frame beyond its edge",
      make((w) => w.frame({ width, height, y: 1, pixels })),
      "frame 2 of the PNG is 24 x 16 pixels at 0, 1: not within the picture",
    ],
    [
      "a frame far beyond it",
      make((w) => w.frame({ width, height, x: 2 ** 32 - 1, pixels })),
      "not within the picture",
    ],
    ["a frame of no width", make((w) => w.frame({ width: 0, height, pixels })), "frame 2 of the PNG is 0 x 16 pixels"],
    ["a frame without pixels", make((w) => [w.control({ width, height })]), "frame 2 of the PNG has no pixels"],
    [
      "a frame without pixels before another one",
      make((w) => [w.control({ width, height }), ...w.frame({ width, height, pixels })]),
      "frame 2 of the PNG has no pixels",
    ],
    [
      "pixels of no frame",
      make((w) =>
        w
          .frame({ width, height, pixels })
          .slice(1)
          .map((each) => renumbered(each, 1)),
      ),
      "has an fdAT chunk that belongs to no frame",
    ],
    [
      "chunks out of order",
      make((w) =>
        [...w.frame({ width, height, pixels, cuts: 2 })].map((each, i) => (i > 0 ? renumbered(each, 4 - i) : each)),
      ),
      "the frames of the PNG are out of order: chunk 3 is where 2 has to be",
    ],
    [
      "an fcTL chunk that is short",
      make(() => [chunk("fcTL", Buffer.alloc(8))]),
      "frame 2 of the PNG has an fcTL chunk of 8 bytes",
    ],
    [
      "an fdAT chunk that is short",
      make((w) => [w.control(kind), chunk("fdAT", Buffer.alloc(2))]),
      "frame 2 of the PNG has an fdAT chunk of 2 bytes",
    ],
    [
      "an acTL chunk that is short",
      pngFile(kind, ...palette, chunk("acTL", "1"), ...picture),
      "has an acTL chunk of 1 bytes",
    ],
    [
      "a frame before the picture",
      pngFile(kind, ...palette, animationControl(1), ...new FrameWriter().frame({ width, height, pixels }), ...picture),
      "has a frame before its picture",
    ],
    [
      "a first frame of another size",
      pngFile(kind, ...palette, animationControl(1), new FrameWriter().control({ width: 3, height: 3 }), ...picture),
      "the first frame of the PNG is 3 x 3 pixels, and the picture is not",
    ],
    [
      "frames that are cut off",
      make((w) => w.frame({ width, height, pixels }), 5).subarray(0, -12),
      "the PNG ends after 2 of its 5 frames",
    ],
  ])("%s", async (_what, input, message) => {
    const failure = await invertImage(input, limits).catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(ImageError);
    expect((failure as Error).message).toContain(message);
    expect((failure as Error).message).toMatch(/^broken image: /);
  });

  it("cut short anywhere within its frames", async () => {
    const whole = make((w) => w.frame({ width, height, pixels, cuts: 3 }));
    for (let length = whole.indexOf("fcTL") + 26; length < whole.length - 12; length++) {
      await expect(invertImage(whole.subarray(0, length), limits)).rejects.toThrow(/^broken image: /);
    }
  });

  it("but fewer frames than it says are shown as they are", async () => {
    const input = make((w) => w.frame({ width, height, pixels }), 5);
    expect((await invertImage(input, limits)).info.frames).toBe(2);
  });
});

/** The same chunk with another number. */
function renumbered(made: Buffer, number: number): Buffer {
  const data = Buffer.from(made.subarray(8, -4));
  data.writeUInt32BE(number);
  return chunk(made.toString("latin1", 4, 8), data);
}
