import { readFile } from "node:fs/promises";
import { join } from "node:path";
import sharp from "sharp";
import { describe, expect, it } from "vitest";
import { readGif } from "../../../executor/inverter/gif/gifFile.js";
import { invertImage } from "../../../executor/inverter/invert.js";

const limits = { maxPixels: 100_000_000 };
const fixture = () => readFile(join(import.meta.dirname, "../../fixtures/images/gif-no-trailer.gif"));

/** Only the colour tables differ, and each of their bytes is the complement. */
async function expectInverted(input: Buffer): Promise<Buffer> {
  const { data } = await invertImage(input, limits);
  const right = Buffer.from(input);
  for (const { at, bytes } of readGif(input).tables)
    for (let i = at; i < at + bytes; i++) right[i] = 255 - (right[i] ?? 0);
  // As bytes: of long ones toEqual takes seconds.
  expect(data.equals(right)).toBe(true);
  return data;
}

async function photograph(width = 64): Promise<Buffer> {
  return await sharp(join(import.meta.dirname, "../../../images/astronaut.png"))
    .resize(width)
    .gif()
    .toBuffer();
}

describe("a GIF that every viewer shows is inverted, and only its colours differ", () => {
  it("without its last byte", async () => {
    const { info } = await invertImage(await fixture(), limits);
    expect(info).toEqual({ format: "gif", width: 24, height: 16, frames: 2 });
    await expectInverted(await fixture());
  });

  const edits: [string, (gif: Buffer) => Buffer][] = [
    ["with a trailer", (gif) => gif],
    ["without a trailer", (gif) => gif.subarray(0, -1)],
    ["without the end of its last blocks", (gif) => gif.subarray(0, -2)],
    ["with bytes after its trailer", (gif) => Buffer.concat([gif, Buffer.from("what a program added")])],
    ["with zeros instead of a trailer", (gif) => Buffer.concat([gif.subarray(0, -1), Buffer.alloc(7)])],
    ["with bytes of no block instead of a trailer", (gif) => Buffer.concat([gif.subarray(0, -1), Buffer.from("??")])],
    [
      "with comments, and extensions of no program that is known",
      (gif) =>
        Buffer.concat([gif.subarray(0, -1), Buffer.from("\x21\xfe\x04gr\xf6\xdf\0\x21\x77\x01a\0\x3b", "latin1")]),
    ],
  ];
  const cuts = ["\xfe\x20cut", "\xfe", "\xff\x0bNETSCAPE2.0\x03\x01", "\x77\x01a"].map(
    (cut): (typeof edits)[number] => [
      `with an extension that is cut, ${JSON.stringify(cut)}`,
      (gif) => Buffer.concat([gif.subarray(0, -1), Buffer.from(`!${cut}`, "latin1")]),
    ],
  );
  it.each([...edits, ...cuts])("%s", async (_name, edit) => {
    for (const width of [3, 64, 300]) await expectInverted(edit(await photograph(width)));
    await expectInverted(edit(Buffer.concat([await fixture(), Buffer.from([0x3b])])));
  });
});

describe("bytes between the blocks of an animation", () => {
  /** With bytes before each block but the first ones. */
  async function withBytes(bytes: string): Promise<Buffer> {
    const roll = Buffer.from(Array.from({ length: 20 * 60 * 3 }, (_, i) => (i * 7 + (i >> 9) * 50) % 256));
    const raw = { width: 20, height: 60, channels: 3 as const, pageHeight: 20 };
    const whole = await sharp(roll, { raw }).gif({ delay: 50 }).toBuffer();
    const control = Buffer.of(0x21, 0xf9, 4);
    const parts: Buffer[] = [];
    let from = 0;
    for (let at = whole.indexOf(control, 14); at >= 0; at = whole.indexOf(control, at + 1)) {
      if (from > 0) parts.push(whole.subarray(from, at), Buffer.from(bytes, "latin1"));
      else parts.push(whole.subarray(0, at));
      from = at;
    }
    return Buffer.concat([...parts, whole.subarray(from)]);
  }

  it.each([1, 9, 2_000_000])("%d zeros are passed over", async (count) => {
    const input = await withBytes("\0".repeat(count));
    expect(readGif(input).frames).toHaveLength(3);
    await expectInverted(input);
  });

  it.each(["?", "\0?\0", "what is no block"])(
    "frames after %j, which not all programs show, are not left behind",
    async (bytes) => {
      await expect(invertImage(await withBytes(bytes), limits)).rejects.toThrow(
        /^broken image: the GIF has bytes between its frames that belong to none/,
      );
    },
  );
});

describe("a GIF that is not whole", () => {
  it("is refused wherever its pixels are cut", async () => {
    const whole = await photograph();
    const { frames, end } = readGif(whole);
    for (let length = frames[0]?.pixelsAt ?? 0; length < end - 6; length += 7) {
      await expect(invertImage(whole.subarray(0, length), limits)).rejects.toThrow("broken image: ");
    }
  });

  it("is refused where it is cut between two blocks of pixels", async () => {
    const whole = await photograph(300);
    let at = (readGif(whole).frames[0]?.pixelsAt ?? 0) + 1;
    let cuts = 0;
    for (; (whole[at] ?? 0) > 0; at += 1 + (whole[at] ?? 0), cuts++) {
      if (cuts % 20 !== 1) continue;
      await expect(invertImage(whole.subarray(0, at), limits)).rejects.toThrow("broken image: the GIF ends too early");
    }
    expect(cuts).toBeGreaterThan(20);
    await expectInverted(whole.subarray(0, at));
  });

  it("is refused where more frames were to come, and within its second frame", async () => {
    const still = await photograph();
    const control = ["!", "!\xf9", "!\xf9\x04\0"].map((cut) =>
      Buffer.concat([still.subarray(0, -1), Buffer.from(cut, "latin1")]),
    );
    const [second] = readGif(await fixture()).frames.slice(1);
    for (const cut of [
      ...control,
      (await fixture()).subarray(0, 420),
      still.subarray(0, 12),
      (await fixture()).subarray(0, second?.pixelsAt),
    ]) {
      await expect(invertImage(cut, limits)).rejects.toThrow("broken image: the GIF ends too early");
    }
  });
});

it("a GIF whose frame has no colours is refused, and not called broken", async () => {
  const whole = await photograph(16);
  const [table] = readGif(whole).tables;
  if (!table) throw new Error("no table");
  const input = Buffer.concat([whole.subarray(0, table.at), whole.subarray(table.at + table.bytes)]);
  const packed = table.at === 13 ? 10 : table.at - 1;
  input[packed] = (input[packed] ?? 0) & 0x7f;
  await expect(invertImage(input, limits)).rejects.toThrow(/^has a frame without a colour table/);
});
