import { join } from "node:path";
import sharp from "sharp";

const SHAPE = { width: 400, height: 300, channels: 3 } as const;

/** Pixels that no other number has. */
function pixelsOf(number: number): Buffer {
  const pixels = Buffer.alloc(SHAPE.width * SHAPE.height * SHAPE.channels);
  for (let i = 0; i < pixels.length; i++) pixels[i] = (i * 7 + number * 31 + (i >> 8) * number) & 255;
  return pixels;
}

const nameOf = (number: number, suffix: string) => `picture-${String(number).padStart(3, "0")}${suffix}.png`;

/** Writes `count` PNGs into a folder, each with a picture of its own. */
export async function writeNumberedImages(folder: string, count: number): Promise<void> {
  for (let number = 0; number < count; number++) {
    await sharp(pixelsOf(number), { raw: SHAPE })
      .png({ compressionLevel: 1 })
      .toFile(join(folder, nameOf(number, "")));
  }
}

/** The names of those whose result in the folder is missing, or is not their picture inverted. */
export async function wrongResults(folder: string, count: number): Promise<string[]> {
  const wrong: string[] = [];
  for (let number = 0; number < count; number++) {
    const name = nameOf(number, "-inverted");
    const pixels = await sharp(join(folder, name))
      .raw()
      .toBuffer()
      .catch(() => Buffer.alloc(0));
    const expected = pixelsOf(number).map((value) => 255 - value);
    if (!pixels.equals(expected)) wrong.push(name);
  }
  return wrong;
}
