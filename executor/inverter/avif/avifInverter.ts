import type { FormatInverter, InvertWork } from "../formatInverter.js";
import { type AvifFile, itemData, readAvif, underMajorBrand } from "./avifFile.js";
import { avifPicture, coloursOf, keptProperties, streamOf } from "./avifPicture.js";
import { makeBox } from "./boxes.js";
import { patchAvif } from "./patchAvif.js";

/** About as faithful as a JPEG at 90. */
const QUALITY = 70;
const IDENTITY = 0;

export const avifInverter: FormatInverter = {
  read: async (input) => {
    const file = readAvif(underMajorBrand(input));
    return {
      picture: await avifPicture(file),
      invert: async ({ open }) => withMetadataOf(file, await encodeInverted(file, open)),
    };
  },
};

async function encodeInverted(file: AvifFile, open: InvertWork["open"]): Promise<Buffer> {
  const { space, bitsPerSample, exif } = await open(file.data).metadata();
  const bitdepth = bitsPerSample === 10 || bitsPerSample === 12 ? bitsPerSample : 8;
  const image = open(file.data).keepIccProfile().keepXmp().toColourspace(space).negate({ alpha: false });
  // Without EXIF it would get one that says nothing. What it gets here is a place, for the input's bytes.
  const kept = exif ? image.keepExif() : image;
  // Red, green and blue as they are: that is how encoders store what has to lose nothing.
  const lossless = coloursOf(file).matrix === IDENTITY;
  // Effort 2 takes 4 s for 12 megapixels, the default of 4 takes 23 s.
  return await kept
    .avif({ quality: QUALITY, effort: 2, bitdepth, lossless, chromaSubsampling: chromaSubsampling(file) })
    .toBuffer();
}

/** 4:2:2 can't be written; 4:4:4 is what loses nothing of it. */
function chromaSubsampling({ data, properties }: AvifFile): "4:4:4" | "4:2:0" {
  const coding = properties.find(({ type }) => type === "av1C");
  return coding && ((data[coding.body + 2] ?? 0) & 0b1100) === 0b1100 ? "4:2:0" : "4:4:4";
}

function withMetadataOf(file: AvifFile, made: Buffer): Buffer {
  const result = readAvif(made);
  const colours = coloursOf(file);
  const stream = streamOf(result);
  const properties = keptProperties(file).map(({ from, to }) => file.data.subarray(from, to));
  const box = coloursOf(result);
  // The primaries and the curve are the input's; how red, green and blue are turned into the samples is the encoder's choice.
  if (colours.inBox || colours.primaries !== box.primaries || colours.transfer !== box.transfer) {
    const content = Buffer.alloc(11);
    content.write("nclx", "latin1");
    content.writeUInt16BE(colours.primaries, 4);
    content.writeUInt16BE(colours.transfer, 6);
    content.writeUInt16BE(stream.matrix, 8);
    content.writeUInt8(stream.fullRange ? 0x80 : 0, 10);
    properties.push(makeBox("colr", content));
  }
  const items = new Map<number, Buffer>();
  const exif = [...file.items.values()].find(({ type }) => type === "Exif");
  for (const { id, type } of result.items.values()) if (exif && type === "Exif") items.set(id, itemData(file, exif.id));
  const tail = file.top.filter(({ type }) => type === "uuid").map(({ from, to }) => file.data.subarray(from, to));
  const patched = patchAvif(made, { properties, items, tail });
  return file.end === file.data.length ? patched : Buffer.concat([patched, file.data.subarray(file.end)]);
}
