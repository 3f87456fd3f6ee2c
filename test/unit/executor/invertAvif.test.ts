import { readFile } from "node:fs/promises";
import { join } from "node:path";
import sharp from "sharp";
import { describe, expect, it } from "vitest";
import { readAvif } from "../../../executor/inverter/avif/avifFile.js";
import { invertImage } from "../../../executor/inverter/invert.js";

const limits = { maxPixels: 100_000_000 };
const fixture = (name: string) => readFile(join(import.meta.dirname, "../../fixtures/images", name));
const invert = async (input: Buffer) => (await invertImage(input, limits)).data;

/** Of the first box of a kind that the primary picture has: its bytes. */
function property(data: Buffer, type: string): Buffer | undefined {
  const file = readAvif(data);
  const own = file.items.get(file.primary)?.properties.map((index) => file.properties[index]);
  const box = own?.find((each) => each?.type === type);
  return box && data.subarray(box.body, box.to);
}

async function samples(data: Buffer) {
  const { depth, width, height, bitsPerSample, hasAlpha } = await sharp(data).metadata();
  const image = sharp(data)
    .keepIccProfile()
    .toColourspace(depth === "ushort" ? "rgb16" : "srgb");
  const raw = await image.raw({ depth: depth === "ushort" ? "ushort" : "uchar" }).toBuffer();
  const values = depth === "ushort" ? new Uint16Array(raw.buffer, raw.byteOffset, raw.length / 2) : raw;
  return { values, form: { depth, width, height, bitsPerSample, hasAlpha } };
}

/** How far from the complement, of 255; alpha has to be as it was. */
async function expectInverted(input: Buffer): Promise<Buffer> {
  const output = await invert(input);
  const [before, after] = [await samples(input), await samples(output)];
  expect(after.form).toEqual(before.form);
  const white = before.form.depth === "ushort" ? 65_535 : 255;
  const channels = before.form.hasAlpha ? 4 : 3;
  let sum = 0;
  for (const [i, value] of before.values.entries()) {
    const now = after.values[i] ?? 0;
    if (i % channels === 3) expect(Math.abs(now - value)).toBeLessThan(white / 64);
    else sum += Math.abs(white - value - now);
  }
  expect((sum / before.values.length / white) * 255).toBeLessThan(7);
  return output;
}

describe("an AVIF keeps what says how its numbers become colours", () => {
  it("primaries and transfer characteristics of its box", async () => {
    const output = await expectInverted(await fixture("nclx-pq.avif"));
    expect(property(output, "colr")?.toString("hex")).toBe(
      Buffer.from("nclx\0\x09\0\x10\0\x06\x80", "latin1").toString("hex"),
    );
  });

  it("of a limited range, another matrix and 10 bits: as the result is coded", async () => {
    const input = await fixture("pq-limited-10-bit.avif");
    const output = await expectInverted(input);
    expect(property(input, "colr")?.toString("hex").slice(8)).toBe("00090010000900");
    expect(property(output, "colr")?.toString("hex").slice(8)).toBe("00090010000680");
    expect((await sharp(output).metadata()).bitsPerSample).toBe(10);
  });

  it("where only the stream says it", async () => {
    const input = await fixture("pq-limited-10-bit.avif");
    for (let at = input.indexOf("colr"); at >= 0; at = input.indexOf("colr", at)) input.write("skip", at);
    expect(property(input, "colr")).toBeUndefined();
    const output = await expectInverted(input);
    expect(property(output, "colr")?.toString("hex").slice(8)).toBe("00090010000680");
  });

  it("sRGB, said or not", async () => {
    const input = await fixture("major-brand-mif1.avif");
    expect(
      property(await expectInverted(input), "colr")
        ?.toString("hex")
        .slice(8),
    ).toBe("0001000d000680");
    const silent = await sharp(input).avif().toBuffer();
    expect(property(silent, "colr")).toBeUndefined();
    expect(property(await expectInverted(silent), "colr")).toBeUndefined();
  });

  it("a profile, and a box beside it", async () => {
    const input = await sharp(await fixture("nclx-pq.avif"))
      .withIccProfile("p3")
      .avif()
      .toBuffer();
    const output = await expectInverted(input);
    const [before, after] = [await sharp(input).metadata(), await sharp(output).metadata()];
    expect(before.icc?.length).toBeGreaterThan(0);
    expect(after.icc).toEqual(before.icc);
  });

  it("12 bits, alpha, a turn, and colours at half the resolution across", async () => {
    const twelve = await sharp(await fixture("pq-limited-10-bit.avif"))
      .toColourspace("rgb16")
      .avif({ bitdepth: 12 })
      .toBuffer();
    await expectInverted(twelve);
    await expectInverted(await fixture("turned-alpha.avif"));
  });
});

describe("what an AVIF says about itself stays", () => {
  it("EXIF and XMP to the byte, and the form of its pixels", async () => {
    const input = await fixture("described.avif");
    const output = await expectInverted(input);
    const [before, after] = [await sharp(input).metadata(), await sharp(output).metadata()];
    expect(before.exif?.toString("latin1")).toContain("artist");
    expect(after.exif).toEqual(before.exif);
    expect(after.xmp).toEqual(before.xmp);
    expect(property(output, "pasp")).toEqual(property(input, "pasp"));
    expect(property(output, "pasp")).toBeDefined();
  });

  it("no EXIF comes to one that has none", async () => {
    expect((await sharp(await invert(await fixture("nclx-pq.avif"))).metadata()).exif).toBeUndefined();
  });

  it("boxes of programs", async () => {
    const box = Buffer.from("\0\0\0\x20uuid0123456789abcdefwhatever", "latin1");
    const input = Buffer.concat([await fixture("nclx-pq.avif"), Buffer.alloc(32, box)]);
    expect((await expectInverted(input)).includes("0123456789abcdefwhatever")).toBe(true);
  });
});

it.each(["", "\0\0\0\x08free", "what a program added", "\0\0\xff\xffmore", "zz"])(
  "an AVIF keeps what follows it: %j",
  async (tail) => {
    const input = Buffer.concat([await fixture("described.avif"), Buffer.from(tail, "latin1")]);
    const output = await expectInverted(input);
    if (!tail.includes("free")) expect(output.subarray(output.length - tail.length).toString("latin1")).toBe(tail);
  },
);

describe("an AVIF is known by the brands it is compatible with", () => {
  it("whichever is the major one", async () => {
    const { info } = await invertImage(await fixture("major-brand-mif1.avif"), limits);
    expect(info).toEqual({ format: "avif", width: 24, height: 16, frames: 1 });
    const input = await fixture("nclx-pq.avif");
    for (const brand of ["MA1A", "miaf", "msf1", "none"]) {
      input.write(brand, 8, "latin1");
      expect((await invertImage(input, limits)).info.format).toBe("avif");
    }
  });

  it.each(["mif1", "msf1", "heic", "heix"])("%s without one of AVIF is HEIC", async (brand) => {
    const input = Buffer.from(`\0\0\0\x18ftyp${brand}\0\0\0\0${brand}heic`, "latin1");
    await expect(invertImage(input, limits)).rejects.toThrow("a HEIC image, which is not supported");
  });
});

describe("an AVIF that can't be inverted is refused by name", () => {
  const renamed = async (from: string, to: string, name = "described.avif") => {
    const input = await fixture(name);
    const at = input.indexOf(from);
    expect(at).toBeGreaterThan(0);
    input.write(to, at, "latin1");
    return input;
  };
  it.each([
    ["moving", () => fixture("animated.avif"), "is an animated AVIF, which is not supported"],
    ["multiplied with alpha", () => fixture("premultiplied.avif"), "has colours that are multiplied with its alpha"],
    [
      "a depth map",
      () => renamed("auxiliary:alpha", "auxiliary:depth", "turned-alpha.avif"),
      "has a depth map or another picture",
    ],
    ["a gain map", () => renamed("Exif", "tmap"), "has a gain map, for bright screens"],
    ["two pictures", () => renamed("Exif", "av01"), "holds 2 pictures, which is not supported"],
    ["an item of a program", () => renamed("Exif", "c2pa"), "its item of type 'c2pa'"],
  ])("%s", async (_name, make, message) => {
    const input = await make();
    await expect(invertImage(input, limits)).rejects.toThrow(message);
    await expect(invertImage(input, limits)).rejects.not.toThrow("broken");
  });

  it("and one that is cut as broken, wherever that is", async () => {
    for (const name of ["described.avif", "nclx-pq.avif"]) {
      const whole = await fixture(name);
      for (let length = 40; length < whole.length; length += 29) {
        await expect(invertImage(whole.subarray(0, length), limits)).rejects.toThrow("broken image: ");
      }
    }
  });
});

it.each([
  [3, 8],
  [4, 8],
  [3, 10],
  [3, 12],
] as const)("a lossless AVIF of %d channels and %d bits stays lossless", async (channels, bitdepth) => {
  const noise = Buffer.from(Array.from({ length: 40 * 30 * channels }, (_, i) => (i * 7919 + (i >> 5)) % 256));
  const input = await sharp(noise, { raw: { width: 40, height: 30, channels } })
    .avif({ lossless: true, bitdepth })
    .toBuffer();
  const { data } = await invertImage(input, { maxPixels: 1_000_000 });
  const [before, after] = [await decoded(input), await decoded(data)];
  expect(after.depth).toBe(before.depth);
  // The decoder fills 16 bits up with zeros.
  const white = bitdepth === 8 ? 255 : (2 ** bitdepth - 1) << (16 - bitdepth);
  expect(after.values).toEqual(before.values.map((value, i) => (i % 4 === 3 ? value : white - value)));
});

/** As red, green, blue and alpha. */
async function decoded(data: Buffer): Promise<{ depth: string; values: number[] }> {
  const { depth = "uchar", space = "srgb" } = await sharp(data).metadata();
  const wide = depth === "ushort";
  const raw = await sharp(data)
    .toColourspace(space)
    .ensureAlpha()
    .raw({ depth: wide ? "ushort" : "uchar" })
    .toBuffer();
  return { depth, values: [...(wide ? new Uint16Array(raw.buffer, raw.byteOffset, raw.length / 2) : raw)] };
}

it("a grey AVIF stays grey, though the encoder stores colours that say nothing", async () => {
  const half = { width: 32, height: 48, channels: 3 as const };
  const dark = await sharp({ create: { ...half, background: "#202020" } })
    .png()
    .toBuffer();
  const input = await sharp({ create: { ...half, width: 64, background: "#c0c0c0" } })
    .composite([{ input: dark, left: 0, top: 0 }])
    .avif({ quality: 90 })
    .toBuffer();
  const { data } = await invertImage(input, { maxPixels: 1_000_000 });
  const raw = await sharp(data).removeAlpha().raw().toBuffer();
  const spread = (at: number) => Math.max(...raw.subarray(at, at + 3)) - Math.min(...raw.subarray(at, at + 3));
  expect(Math.max(...Array.from({ length: raw.length / 3 }, (_, i) => spread(3 * i)))).toBeLessThanOrEqual(1);
  expect(raw[0]).toBeGreaterThan(0xda);
  expect(raw[3 * 63]).toBeLessThan(0x44);
});
