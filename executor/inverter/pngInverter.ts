import sharp, { type Metadata, type Sharp } from "sharp";
import { invertPngPalette, pngChunks } from "./colourTables.js";
import type { FormatInverter, InvertWork } from "./formatInverter.js";
import { ImageError } from "./imageError.js";
import { comparable, type Picture } from "./picture.js";

const COLOUR_SPACES: ReadonlySet<string> = new Set(["srgb", "b-w", "rgb16", "grey16"]);

export const pngInverter: FormatInverter = { picture: pngPicture, invert: invertPng };

async function pngPicture(data: Buffer): Promise<Picture> {
  const { width, height, channels, depth, space, icc } = await sharp(data, { limitInputPixels: false }).metadata();
  const colours = new Map<string, string>([["colour space", space]]);
  if (icc) colours.set("ICC profile", comparable(icc));
  const pages = [{ width, height, channels, depth: depth === "ushort" ? 16 : 8 }];
  return { format: "png", width, height, frames: 1, pages, colours, texts: new Map() };
}

async function invertPng(input: Buffer, { open }: InvertWork): Promise<Buffer> {
  const metadata = await open(input).metadata();
  checkKind(input, metadata);
  if (metadata.isPalette) {
    // The pixels are not needed, but have to be there: a broken image must not pass.
    await open(input).resize(1, 1, { fit: "fill" }).raw().toBuffer();
    return invertPngPalette(input);
  }
  // The space is named so that sharp leaves the samples as they are: grey stays grey, 16 bits stay 16 bits.
  const image = open(input).keepMetadata().toColourspace(metadata.space).negate({ alpha: false });
  return await encode(image, metadata).toBuffer();
}

/** Measured on 12 megapixels: 0.6 s, and 5 % larger than with level 6 in twice the time. */
function encode(image: Sharp, { isProgressive }: Metadata): Sharp {
  return image.png({ compressionLevel: 4, adaptiveFiltering: true, progressive: isProgressive ?? false });
}

function checkKind(input: Buffer, { space, isPalette }: Metadata): void {
  if (!isPalette && pngChunks(input).some(({ type }) => type === "acTL")) {
    throw new ImageError("is an animated PNG, which is not supported: only its first frame would be left");
  }
  if (!COLOUR_SPACES.has(space)) throw new ImageError(`has the colour space ${space}, which is not supported`);
}
