import { readFile } from "node:fs/promises";
import { join } from "node:path";
import sharp from "sharp";
import { describe, expect, it } from "vitest";
import { avifInverter } from "../../../executor/inverter/avif/avifInverter.js";
import type { FormatInverter } from "../../../executor/inverter/formatInverter.js";
import { gifInverter } from "../../../executor/inverter/gif/gifInverter.js";
import { jpegInverter } from "../../../executor/inverter/jpeg/jpegInverter.js";
import { comparable, type Picture, refuseLosses } from "../../../executor/inverter/picture.js";
import { tiffInverter } from "../../../executor/inverter/tiff/tiffInverter.js";
import { webpInverter } from "../../../executor/inverter/webp/webpInverter.js";
import { makeTiff, tiffTags } from "../../support/tiff.js";

const fixture = (name: string) => readFile(join(import.meta.dirname, "../../fixtures/images", name));

const PICTURE: Picture = {
  format: "tiff",
  width: 8,
  height: 4,
  frames: 1,
  pages: [{ width: 8, height: 4, channels: 5, depth: 16, colourStep: { columns: 2, rows: 1 } }],
  colours: new Map([["ICC profile", "560 bytes, 0123"]]),
  texts: new Map([["comment", '"made by me"']]),
};

describe("a result that is not the input with other colours is refused, and the message says what would be lost", () => {
  const [page] = PICTURE.pages;
  if (!page) throw new Error("no page");
  it.each([
    ["format", { format: "png" }, "it is tiff, and would become png"],
    ["size", { width: 4, height: 8 }, "it is 8 x 4 pixels, and would become 4 x 8"],
    ["pages", { pages: [page, page] }, "it has 1 pages or frames, and 2 would be left"],
    ["channels", { pages: [{ ...page, channels: 4 }] }, "it has 5 channels, and 4 would be left"],
    ["depth", { pages: [{ ...page, depth: 8 }] }, "it has 16 bits a sample, and 8 would be left"],
    [
      "resolution of colours",
      { pages: [{ ...page, colourStep: { columns: 2, rows: 2 } }] },
      "it has one colour for 2 x 1 pixels, and would have one for 2 x 2",
    ],
    ["size of a page", { pages: [{ ...page, width: 7 }] }, "it is 8 x 4 pixels, and would become 7 x 4"],
    ["profile", { colours: new Map() }, "its ICC profile (560 bytes, 0123) would be gone"],
    ["another profile", { colours: new Map([["ICC profile", "1 bytes"]]) }, "would become another one (1 bytes)"],
    ["comment", { texts: new Map() }, 'its comment ("made by me") would be gone'],
    ["more metadata", { texts: new Map([...PICTURE.texts, ["EXIF", "x"]]) }, "it would get metadata it has not: EXIF"],
  ] as [string, Partial<Picture>, string][])("%s", (_name, change, message) => {
    expect(() => refuseLosses(PICTURE, { ...PICTURE, ...change })).toThrow(`can't be inverted without a loss: `);
    expect(() => refuseLosses(PICTURE, { ...PICTURE, ...change })).toThrow(message);
  });

  it("names a few of many", () => {
    const many = { ...PICTURE, texts: new Map(Array.from({ length: 5_000 }, (_, i) => [`tag ${i}`, "1"])) };
    expect(() => refuseLosses(many, { ...many, texts: new Map() })).toThrow(/tag 3 \(1\) would be gone; 4996 more$/);
  });

  it("and one that is, passes", () => {
    expect(() => refuseLosses(PICTURE, structuredClone(PICTURE))).not.toThrow();
  });
});

describe("what a picture has is read from its bytes, and a falsified result does not pass", () => {
  const jpeg = (input: Buffer) => Buffer.concat([input.subarray(0, 20), input.subarray(34)]);
  const five = makeTiff([
    { tags: [...tiffTags(4, 4, { channels: 5 }), [315, 2, "an artist"]], strips: [Buffer.alloc(80)] },
  ]);
  const other = (channels: number, bits: number, artist: string) =>
    makeTiff([
      {
        tags: [...tiffTags(4, 4, { channels, bits }), [315, 2, artist]],
        strips: [Buffer.alloc(16 * channels * (bits / 8))],
      },
    ]);
  const cases: [string, FormatInverter, () => Promise<Buffer>, (input: Buffer) => Buffer | Promise<Buffer>, string][] =
    [
      [
        "JPEG without its comment",
        jpegInverter,
        () => fixture("comment.jpg"),
        jpeg,
        'its comment ("made by me") would be gone',
      ],
      [
        "JPEG, resized",
        jpegInverter,
        () => fixture("comment.jpg"),
        (input) => sharp(input).resize(96).jpeg().toBuffer(),
        "it is 192 x 128",
      ],
      [
        "TIFF of fewer channels",
        tiffInverter,
        async () => five,
        () => other(4, 8, "an artist"),
        "it has 5 channels, and 4",
      ],
      [
        "TIFF of more bits",
        tiffInverter,
        async () => five,
        () => other(5, 16, "an artist"),
        "it has 8 bits a sample, and 16",
      ],
      ["TIFF of another artist", tiffInverter, async () => five, () => other(5, 8, "another"), "its Artist"],
      [
        "JPEG in a TIFF, of colours at a lower resolution",
        tiffInverter,
        () => fixture("jpeg-422.tif"),
        (input) => sharp(input).tiff({ compression: "jpeg", quality: 50 }).toBuffer(),
        "it has one colour for 2 x 1 pixels, and would have one for 2 x 2",
      ],
      [
        "JPEG of full colours in a TIFF, of colours at a lower resolution",
        tiffInverter,
        async () =>
          sharp(await fixture("jpeg-422.tif"))
            .tiff({ compression: "jpeg", quality: 95 })
            .toBuffer(),
        (input) => sharp(input).tiff({ compression: "jpeg", quality: 50 }).toBuffer(),
        "it has one colour for 1 x 1 pixels, and would have one for 2 x 2",
      ],
      [
        "TIFF of one page instead of two",
        tiffInverter,
        () => fixture("pages-of-two-sizes.tif"),
        (input) => sharp(input, { pages: 1 }).tiff().toBuffer(),
        "it has 2 pages or frames, and 1 would be left",
      ],
      [
        "AVIF without nclx",
        avifInverter,
        () => fixture("nclx-pq.avif"),
        (input) => sharp(input).avif().toBuffer(),
        "its primaries (nclx) (9)",
      ],
      [
        "AVIF of 8 bits",
        avifInverter,
        () => fixture("pq-limited-10-bit.avif"),
        (input) => sharp(input).avif({ bitdepth: 8 }).toBuffer(),
        "it has 10 bits a sample, and 8 would be left",
      ],
      [
        "GIF of one frame",
        gifInverter,
        () => fixture("gif-no-trailer.gif"),
        (input) => sharp(input).gif().toBuffer(),
        "it has 2 pages or frames",
      ],
      [
        "WebP without EXIF",
        webpInverter,
        () =>
          sharp({ create: { width: 9, height: 9, channels: 3, background: "red" } })
            .withExif({ IFD0: { Artist: "me" } })
            .webp()
            .toBuffer(),
        (input) => sharp(input).webp().toBuffer(),
        "its EXIF",
      ],
    ];
  it.each(cases)("%s", async (_name, inverter, make, falsify, message) => {
    const input = await make();
    const { picture: before } = await inverter.read(input);
    expect(() => refuseLosses(before, before)).not.toThrow();
    const { picture: after } = await inverter.read(await falsify(input));
    expect(() => refuseLosses(before, after)).toThrow(message);
  });
});

it("values are shown where they are short texts, and told apart where they are not", () => {
  expect(comparable(Buffer.from("größer\0\0"))).toBe('"größer"');
  expect(comparable(Buffer.from("a\nb"))).toMatch(/^3 bytes, [0-9a-f]{16}$/);
  expect(comparable(Buffer.alloc(100, "a"))).not.toBe(comparable(Buffer.alloc(100, "b")));
  expect(comparable(Buffer.from([0xff]))).not.toBe(comparable(Buffer.from([0xfe])));
});

describe("files made of nothing but structure are refused before they take memory", () => {
  const repeated = (start: string, part: string, times: number) =>
    Buffer.concat([Buffer.from(start, "latin1"), Buffer.alloc(part.length * times, Buffer.from(part, "latin1"))]);
  const strips = makeTiff([
    {
      tags: tiffTags(1, 2_000_000, { rows: 1 }).map((tag) => (tag[0] === 257 ? [257, 4, [2_000_000]] : tag)),
      strips: [],
    },
  ]);
  it.each([
    [
      "segments of a JPEG",
      jpegInverter,
      repeated("\xff\xd8", "\xff\xfe\0\x02", 200_000),
      "has more than 100000 segments",
    ],
    [
      "blocks of a GIF",
      gifInverter,
      repeated("GIF89a\x01\0\x01\0\0\0\0", "\x21\xfe\0", 1_100_000),
      "has more than 1000000 blocks",
    ],
    ["strips of a TIFF", tiffInverter, strips, "has more than 1000000 strips or tiles"],
    [
      "chunks of a WebP",
      webpInverter,
      repeated("RIFF\x88\x93\x13\0WEBP", "what\0\0\0\0", 160_400),
      "has more than 100000 chunks",
    ],
  ] as [string, FormatInverter, Buffer, string][])("%s", async (_name, inverter, input, message) => {
    await expect((async () => await inverter.read(input))()).rejects.toThrow(message);
  });
});
