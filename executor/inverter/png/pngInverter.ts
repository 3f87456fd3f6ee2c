import type { FormatInverter } from "../formatInverter.js";
import { comparable, type Picture } from "../picture.js";
import { DESCRIBES_COLOURS, FRAMES } from "./ancillary.js";
import { readHeader } from "./header.js";
import { invertPng } from "./invertPng.js";
import { survey } from "./survey.js";

export const pngInverter: FormatInverter = { picture: pngPicture, invert: invertPng };

async function pngPicture(data: Buffer): Promise<Picture> {
  const header = readHeader(data);
  const { frames, kept } = await survey(data, header);
  const { width, height, depth, samples: channels } = header;
  const page = { width, height, channels, depth };
  const chunks = new Map<string, Buffer[]>();
  for (const { type, data } of kept) {
    if (FRAMES.has(type)) continue;
    const same = chunks.get(type);
    if (same) same.push(data);
    else chunks.set(type, [data]);
  }
  const colours = new Map<string, string>();
  const texts = new Map<string, string>();
  for (const [type, parts] of chunks)
    (DESCRIBES_COLOURS.has(type) ? colours : texts).set(type, comparable(Buffer.concat(parts)));
  return { format: "png", width, height, frames, pages: Array.from({ length: frames }, () => page), colours, texts };
}
