import { readFile } from "node:fs/promises";
import { join } from "node:path";
import sharp, { type JpegOptions } from "sharp";
import { describe, expect, it } from "vitest";
import { invertImage } from "../../../executor/inverter/invert.js";
import { isMetadata, readJpeg } from "../../../executor/inverter/jpeg/jpegFile.js";

const fixtures = join(import.meta.dirname, "../../fixtures/images");
const limits = { maxPixels: 100_000_000 };
const invert = async (input: Buffer) => (await invertImage(input, limits)).data;
const EOI = Buffer.from([0xff, 0xd9]);

function segment(marker: number, content: Buffer | string): Buffer {
  const body = Buffer.from(content as string, "latin1");
  return Buffer.concat([Buffer.from([0xff, marker, (body.length + 2) >> 8, (body.length + 2) & 255]), body]);
}

/** With more segments after the start. */
function withSegments(jpeg: Buffer, ...segments: Buffer[]): Buffer {
  return Buffer.concat([jpeg.subarray(0, 2), ...segments, jpeg.subarray(2)]);
}

function metadata(data: Buffer): string[] {
  const file = readJpeg(data);
  // What Adobe's says is how samples are coded.
  const about = file.segments.filter((each) => isMetadata(each) && each.marker !== 0xee);
  return about.map(({ from, to }) => data.subarray(from, to).toString("latin1"));
}

const JFIF = segment(0xe0, "JFIF\0\x01\x01\x01\0\x48\0\x48\0\0");

/** What sharp writes has no JFIF. */
async function bare(options: JpegOptions = {}): Promise<Buffer> {
  const image = sharp(join(import.meta.dirname, "../../../images/astronaut.png")).resize(160, 120);
  return await image.jpeg(options).toBuffer();
}

async function photograph(options: JpegOptions = {}): Promise<Buffer> {
  return withSegments(await bare(options), JFIF);
}

async function difference(input: Buffer, output: Buffer): Promise<number> {
  const before = await sharp(input, { failOn: "none" }).raw().toBuffer();
  const after = await sharp(output, { failOn: "none" }).raw().toBuffer();
  if (before.length !== after.length) return Number.POSITIVE_INFINITY;
  let sum = 0;
  for (const [i, value] of before.entries()) sum += Math.abs(255 - value - (after[i] ?? 0));
  return sum / before.length;
}

/** Inverted as a viewer shows it, whole, and all it says about itself there. */
async function expectInverted(input: Buffer): Promise<Buffer> {
  const output = await invert(input);
  expect(await difference(input, output)).toBeLessThan(3);
  await expect(sharp(output, { failOn: "truncated" }).raw().toBuffer()).resolves.toBeDefined();
  return output;
}

describe("what a JPEG says about itself stays, to the byte", () => {
  it("the comment of a file", async () => {
    const input = await readFile(join(fixtures, "comment.jpg"));
    const output = await expectInverted(input);
    expect(metadata(output)).toEqual(metadata(input));
    expect(output.includes("made by me")).toBe(true);
  });

  it("comments in any encoding, EXIF, XMP, IPTC and unknown segments, in their order", async () => {
    const exif = Buffer.from("Exif\0\0MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0", "latin1");
    const segments = [
      segment(0xe1, exif),
      segment(0xe1, "http://ns.adobe.com/xap/1.0/\0<x:xmpmeta/>"),
      segment(0xed, "Photoshop 3.0\x008BIM\x04\x04\0\0\0\0\0\x05\x1c\x02\x78\0\0"),
      segment(0xfe, "gr\xf6\xdfer"),
      segment(0xfe, Buffer.from("größer")),
      segment(0xfe, ""),
      segment(0xe7, "of one program alone"),
      segment(0xe1, "Exif of no kind"),
    ];
    const still = await photograph();
    const file = readJpeg(still);
    const jfif = file.segments[0]?.to ?? 2;
    const input = Buffer.concat([still.subarray(0, jfif), ...segments, still.subarray(jfif)]);
    const output = await expectInverted(input);
    expect(metadata(output)).toEqual(metadata(input));
    expect((await sharp(output).metadata()).orientation).toBe(6);
  });

  it("a profile, and a density in centimetres", async () => {
    const input = await sharp(await photograph())
      .withIccProfile("p3")
      .jpeg()
      .toBuffer();
    input.writeUInt8(2, 13);
    input.writeUInt16BE(77, 14);
    const output = await expectInverted(input);
    expect(metadata(output)).toEqual(metadata(input));
  });

  it("no JFIF and no EXIF come to one that has none", async () => {
    expect(metadata(await expectInverted(await bare()))).toEqual([]);
  });

  it("comments between the scans of a progressive one", async () => {
    const whole = await photograph({ progressive: true });
    const scans = readJpeg(whole).segments.filter(({ marker }) => marker === 0xda);
    const at = scans[2]?.from ?? 0;
    const input = Buffer.concat([whole.subarray(0, at), segment(0xfe, "late"), whole.subarray(at)]);
    expect((await expectInverted(input)).includes("late")).toBe(true);
  });

  it("what cameras write after the end", async () => {
    const tail = Buffer.from("a video, or what belongs to this program alone: SEFT");
    const output = await expectInverted(Buffer.concat([await photograph(), tail]));
    expect(output.subarray(-tail.length)).toEqual(tail);
  });

  it("previews after the end, which are found where they are", async () => {
    const preview = await sharp(await photograph())
      .resize(40, 30)
      .jpeg()
      .toBuffer();
    const input = withPictures(await photograph(), [{ attributes: 0x010001, data: preview }]);
    const output = await expectInverted(input);
    const file = readJpeg(output);
    const mpf = file.segments.find(({ marker }) => marker === 0xe2)?.from ?? 0;
    const base = mpf + 8;
    const entries = base + output.readUInt32LE(base + 10 + 8);
    expect(output.readUInt32LE(entries + 4)).toBe(file.end);
    const from = base + output.readUInt32LE(entries + 16 + 8);
    expect(output.subarray(from, from + output.readUInt32LE(entries + 16 + 4))).toEqual(preview);
  });
});

describe("a JPEG that every viewer shows is inverted", () => {
  it("with parameters of scans that mean nothing", async () => {
    const input = await readFile(join(fixtures, "odd-sos-parameters.jpg"));
    const output = await expectInverted(input);
    expect(metadata(output)).toEqual(metadata(input));
  });

  const edits: [string, (jpeg: Buffer) => Buffer][] = [
    ["without an end", (jpeg) => jpeg.subarray(0, -2)],
    ["filled up with zeros instead of an end", (jpeg) => Buffer.concat([jpeg.subarray(0, -2), Buffer.alloc(500)])],
    ["with bytes before the end", (jpeg) => Buffer.concat([jpeg.subarray(0, -2), Buffer.from("filled up"), EOI])],
    ["with fill bytes before the end", (jpeg) => Buffer.concat([jpeg.subarray(0, -2), Buffer.alloc(9, 0xff), EOI])],
    ["of a JFIF of the future", (jpeg) => Buffer.from(jpeg).fill(3, 11, 12)],
    ["with Adobe's word for no known colours", (jpeg) => withSegments(jpeg, segment(0xee, "Adobe\0\x64\0\0\0\0\x07"))],
    [
      "with bytes between segments",
      (jpeg) => Buffer.concat([jpeg.subarray(0, 20), Buffer.from("in between"), jpeg.subarray(20)]),
    ],
    ["with EXIF that is damaged", (jpeg) => withSegments(jpeg, segment(0xe1, "Exif\0\0II*\0\xff\xff\xff\x7f"))],
    ["with a profile that is damaged", (jpeg) => withSegments(jpeg, segment(0xe2, "ICC_PROFILE\0\x07\x03none"))],
    [
      "with a profile of which a part is missing",
      (jpeg) => withSegments(jpeg, segment(0xe2, "ICC_PROFILE\0\x01\x02half")),
    ],
    [
      "with odd parameters, bytes before the end, and a strange JFIF",
      (jpeg) => {
        const scan = readJpeg(jpeg).segments.find(({ marker }) => marker === 0xda)?.to ?? 0;
        const odd = Buffer.from(jpeg)
          .fill(0, scan - 3, scan)
          .fill(9, 11, 12);
        return Buffer.concat([odd.subarray(0, -2), Buffer.from("and more"), EOI]);
      },
    ],
  ];
  it.each(edits)("%s", async (_name, edit) => {
    const input = edit(await photograph());
    const output = await expectInverted(input);
    expect(metadata(output).sort()).toEqual(metadata(input).sort());
  });

  it.each(["4:2:0", "4:4:4"])("a progressive one without an end, %s", async (chromaSubsampling) => {
    await expectInverted((await photograph({ progressive: true, chromaSubsampling })).subarray(0, -2));
  });
});

describe("of other pictures, only what is there is in the way", () => {
  const body = (text: string, ...rest: number[]) => Buffer.concat([Buffer.from(text, "latin1"), Buffer.from(rest)]);
  it.each([
    ["is empty", body("MPF\0")],
    ["is no TIFF", body("MPF\0garbage")],
    ["has an index elsewhere", body("MPF\0II*\0\xff\xff\xff\x7f")],
    ["has more tags than fit", body("MPF\0II*\0\x08\0\0\0\x09\0")],
    ["has its entries elsewhere", body("MPF\0II*\0\x08\0\0\0\x01\0\x02\xb0\x07\0\x20\0\0\0\xff\xff\0\0\0\0\0\0")],
    [
      "has entries that lead nowhere",
      body(
        "MPF\0MM\0*\0\0\0\x08\0\x01\xb0\x02\0\x07\0\0\0\x20\0\0\0\x1a\0\0\0\0",
        ...[0, 3, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
        ...[0, 1, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
      ),
    ],
  ])("an index that %s stays as it is", async (_name, content) => {
    const input = withSegments(await bare(), segment(0xe2, content));
    expect(metadata(await expectInverted(input))).toEqual(metadata(input));
  });

  const xmp = (text: string) => segment(0xe1, `http://ns.adobe.com/xap/1.0/\0<x:xmpmeta>${text}</x:xmpmeta>`);
  it("a title that only names gain maps is none", async () => {
    const input = withSegments(
      await bare(),
      xmp("<dc:title>hdrgm: and HDRGainMap, urn:iso:std:iso:ts:21496</dc:title>"),
    );
    expect(metadata(await expectInverted(input))).toEqual(metadata(input));
  });

  it.each([
    ["Adobe's", xmp(`<d xmlns:a="http://ns.adobe.com/hdr-gain-map/1.0/" a:Version="1.0"/>`)],
    ["with other quotes", xmp(`<d xmlns:hdrgm='http://ns.adobe.com/hdr-gain-map/1.0/'/>`)],
    ["Apple's", xmp(`<d xmlns:HDRGainMap="http://ns.apple.com/HDRGainMap/1.0/"/>`)],
    ["that of ISO", segment(0xe2, "urn:iso:std:iso:ts:21496:-1\0\0\0\0\0")],
  ])("a gain map is refused, %s", async (_name, told) => {
    await expect(invert(withSegments(await bare(), told))).rejects.toThrow("has a gain map");
  });
});

describe("the resolution of colours stays, or becomes a higher one", () => {
  it.each<[string, number[], [number, number], string]>([
    ["4:4:4", [0x11, 0x11, 0x11], [1, 1], "4:4:4"],
    ["4:2:2", [0x21, 0x11, 0x11], [2, 1], "4:4:4"],
    ["4:2:2 with other numbers", [0x22, 0x12, 0x12], [2, 1], "4:4:4"],
    ["4:4:0", [0x12, 0x11, 0x11], [1, 2], "4:4:4"],
    ["4:1:1", [0x41, 0x11, 0x11], [4, 1], "4:4:4"],
    ["4:1:0", [0x42, 0x11, 0x11], [4, 2], "4:4:4"],
    ["4:2:0", [0x22, 0x11, 0x11], [2, 2], "4:2:0"],
    ["4:2:0 with other numbers", [0x42, 0x21, 0x21], [2, 2], "4:2:0"],
  ])("%s", async (_name, samplings, step, expected) => {
    const output = await expectInverted(await stripes(samplings, step));
    const first = readJpeg(output).frame.components[0]?.sampling;
    expect(first).toBe(expected === "4:2:0" ? 0x22 : 0x11);
  });

  it("RGB, whose second and third component are no chroma", async () => {
    const input = withSegments(await stripes([0x22, 0x11, 0x11], [2, 2]), segment(0xee, "Adobe\0\x64\0\0\0\0\0"));
    expect(readJpeg(await expectInverted(input)).frame.components[0]?.sampling).toBe(0x11);
  });
});

/** Grey, with stripes of colour that are as fine as the sampling of the components allows. Each component has a scan of its own. */
async function stripes(samplings: number[], [columns, rows]: [number, number]): Promise<Buffer> {
  const planes = await Promise.all(
    samplings.map(async (_, i) => {
      const [width, height] = i === 0 ? [64, 64] : [64 / columns, 64 / rows];
      // Along the side that has the higher resolution. In 4:2:0 decoders blur the finest ones themselves.
      const line = (at: number) => (columns >= rows ? Math.floor(at / width) : at % width);
      const bright = (at: number) => Math.floor(line(at) / (columns === rows ? 8 : 1)) % 2 === 0;
      const samples = Buffer.from(
        Array.from({ length: width * height }, (_, at) => (i === 0 ? 128 : bright(at) ? 90 : 166)),
      );
      const raw = { width, height, channels: 1 as const };
      const grey = sharp(samples, { raw }).toColourspace("b-w");
      return readJpeg(await grey.jpeg({ quality: 95, optimizeCoding: false }).toBuffer());
    }),
  );
  const [luma] = planes;
  if (!luma) throw new Error("no component");
  const tables = luma.segments.filter(({ marker }) => marker === 0xdb || marker === 0xc4);
  const components = samplings.flatMap((sampling, i) => [i + 1, sampling, 0]);
  const scans = planes.flatMap(({ data, segments, end = 0 }, i) => {
    const scan = segments.find(({ marker }) => marker === 0xda)?.to ?? 0;
    return [segment(0xda, Buffer.of(1, i + 1, 0, 0, 63, 0)), data.subarray(scan, end - 2)];
  });
  return Buffer.concat([
    Buffer.of(0xff, 0xd8),
    ...tables.map(({ from, to }) => luma.data.subarray(from, to)),
    segment(0xc0, Buffer.of(8, 0, 64, 0, 64, 3, ...components)),
    ...scans,
    EOI,
  ]);
}

describe("a JPEG that is not whole is refused", () => {
  it.each([false, true])(
    "wherever it is cut, with an end of its own or none or zeros; progressive: %s",
    async (progressive) => {
      const whole = await photograph({ progressive });
      for (let length = 3; length < whole.length - 24; length += 311) {
        const cut = whole.subarray(0, length);
        await expect(invertImage(cut, limits)).rejects.toThrow("broken image: ");
        await expect(invertImage(Buffer.concat([cut, Buffer.alloc(9_000)]), limits)).rejects.toThrow("broken image: ");
        if (!progressive)
          await expect(invertImage(Buffer.concat([cut, EOI]), limits)).rejects.toThrow("broken image: ");
      }
    },
  );

  it("a progressive one that is cut between two scans", async () => {
    const whole = await photograph({ progressive: true });
    for (const { marker, from } of readJpeg(whole).segments) {
      if (marker === 0xda) await expect(invertImage(whole.subarray(0, from), limits)).rejects.toThrow("broken image: ");
    }
  });

  it("one that is cut, with odd parameters of scans beside", async () => {
    const odd = await readFile(join(fixtures, "odd-sos-parameters.jpg"));
    for (const cut of [odd.subarray(0, 1_500), Buffer.concat([odd.subarray(0, 1_500), EOI])]) {
      await expect(invertImage(cut, limits)).rejects.toThrow(/^broken image: .*premature end/);
    }
  });
});

describe("a JPEG that can't be inverted is refused by name", () => {
  const frame =
    (marker: number, precision: number, height = 120) =>
    async () => {
      const whole = Buffer.from(await photograph());
      const at = readJpeg(whole).segments.find((each) => each.marker === 0xc0)?.from ?? 0;
      whole[at + 1] = marker;
      whole[at + 4] = precision;
      whole.writeUInt16BE(height, at + 5);
      return whole;
    };
  it.each([
    ["12 bits", frame(0xc1, 12), "has 12 bits a sample, which are not supported"],
    ["lossless", frame(0xc3, 8), "is a lossless JPEG, which is not supported"],
    ["hierarchical", frame(0xc5, 8), "is a hierarchical JPEG, which is not supported"],
    ["its height at the end", frame(0xc0, 8, 0), "is a JPEG that tells its height at the end"],
    [
      "two views",
      async () => withPictures(await photograph(), [{ attributes: 0x020002, data: await photograph() }]),
      "holds 2 pictures (MPF), which is not supported: one would be inverted",
    ],
    [
      "a gain map",
      async () => Buffer.concat([await photograph(), Buffer.from("... hdrgm:Version ...")]),
      "has a gain map, for bright screens, which would no longer fit the inverted picture",
    ],
  ])("%s", async (_name, make, message) => {
    await expect(invertImage(await make(), limits)).rejects.toThrow(message);
    await expect(invertImage(await make(), limits)).rejects.not.toThrow("broken");
  });
});

/** A JPEG with others after it, as CIPA's Multi-Picture Format has it. */
function withPictures(jpeg: Buffer, others: { attributes: number; data: Buffer }[]): Buffer {
  const count = others.length + 1;
  const body = Buffer.alloc(4 + 8 + 2 + 12 + 4 + 16 * count);
  body.write("MPF\0II*\0", "latin1");
  body.writeUInt32LE(8, 8);
  body.writeUInt16LE(1, 12);
  body.writeUInt16LE(0xb002, 14);
  body.writeUInt16LE(7, 16);
  body.writeUInt32LE(16 * count, 18);
  body.writeUInt32LE(26, 22);
  const length = jpeg.length + body.length + 4;
  // After the start and the name: offsets count from there.
  const base = 2 + 4 + 4;
  let at = length;
  body.writeUInt32LE(0x030000, 30);
  body.writeUInt32LE(length, 34);
  for (const [i, { attributes, data }] of others.entries()) {
    body.writeUInt32LE(attributes, 46 + 16 * i);
    body.writeUInt32LE(data.length, 50 + 16 * i);
    body.writeUInt32LE(at - base, 54 + 16 * i);
    at += data.length;
  }
  return Buffer.concat([withSegments(jpeg, segment(0xe2, body)), ...others.map(({ data }) => data)]);
}
