import type { FormatInverter, InvertWork } from "../formatInverter.js";
import { ImageError } from "../imageError.js";
import { comparable, type Picture } from "../picture.js";
import { countPixels } from "./countPixels.js";
import { type GifFile, readGif } from "./gifFile.js";

const EXTENSION_NAMES: ReadonlyMap<number, string> = new Map([
  [0x01, "plain text"],
  [0xf9, "delays and transparency"],
  [0xfe, "comment"],
  [0xff, "application data"],
]);
const END = Buffer.from([0x00, 0x3b]);

/**
 * Frames keep their pixels as they are, and get the colours of their tables inverted. That is exact, where quantizing the
 * inverted pixels into a new palette would not be, and it keeps everything else: delays, transparency, interlacing, comments.
 */
export const gifInverter: FormatInverter = {
  read: (data) => {
    const file = readGif(data);
    return { picture: gifPicture(file), invert: (work) => invertGif(file, work) };
  },
};

async function invertGif(file: GifFile, work: InvertWork): Promise<Buffer> {
  if (file.frames.some(({ hasColours }) => !hasColours)) {
    throw new ImageError("has a frame without a colour table, which each program shows in colours of its own");
  }
  await checkPixels(file, work);
  const out = Buffer.from(file.data);
  for (const { at, bytes } of file.tables) for (let i = at; i < at + bytes; i++) out[i] = 255 - (out[i] ?? 0);
  return out;
}

function gifPicture({ width, height, frames, extensions }: GifFile): Picture {
  const page = { width, height, channels: 3, depth: 8 };
  const pages = frames.map(() => page);
  const kinds = new Map<string, Buffer[]>();
  for (const { label, bytes } of extensions) {
    const name = EXTENSION_NAMES.get(label) ?? `extension 0x${label.toString(16)}`;
    const parts = kinds.get(name);
    if (parts) parts.push(bytes);
    else kinds.set(name, [bytes]);
  }
  const texts = new Map([...kinds].map(([name, parts]) => [name, comparable(Buffer.concat(parts))]));
  return { format: "gif", width, height, frames: frames.length, pages, colours: new Map(), texts };
}

/** The pixels are not needed, but have to be there: a broken image must not pass. */
async function checkPixels(file: GifFile, { open }: InvertWork): Promise<void> {
  const last = file.frames.at(-1);
  if (!file.terminated && last) {
    const expected = last.width * last.height;
    const pixels = countPixels(file.data, last.pixelsAt, expected);
    if (pixels < expected) throw new ImageError("broken image: the GIF ends too early");
  }
  // With the end that may be missing, and without what follows it and what stands between blocks.
  let at = 0;
  const parts = [...file.strays, { from: file.end, to: file.end }].map(({ from, to }) => {
    const part = file.data.subarray(at, from);
    at = to;
    return part;
  });
  const whole = Buffer.concat([...parts, file.terminated ? END.subarray(1) : END]);
  const image = open(whole, { pages: -1, failOn: "truncated" });
  const { pages = 1 } = await image.metadata();
  if (pages !== file.frames.length) {
    throw new ImageError(`broken image: the GIF has ${file.frames.length} frames, and ${pages} of them can be shown`);
  }
  await image.resize(1, 1, { fit: "fill" }).raw().toBuffer();
}
