import type { FormatInverter } from "../formatInverter.js";
import { comparable, type Picture } from "../picture.js";
import { readHeader } from "./header.js";
import { invertPng } from "./invertPng.js";
import { survey } from "./survey.js";

export const pngInverter: FormatInverter = { picture: pngPicture, invert: invertPng };

/** What says how samples become colours. */
const COLOURS: ReadonlySet<string> = new Set("cHRM cICP cLLI gAMA iCCP mDCV sBIT sRGB".split(" "));
/** The frames of an animation: they are counted, and stay in their place. */
const FRAMES: ReadonlySet<string> = new Set(["acTL", "fcTL", "fdAT"]);

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
  for (const [type, parts] of chunks) (COLOURS.has(type) ? colours : texts).set(type, comparable(Buffer.concat(parts)));
  return { format: "png", width, height, frames, pages: Array.from({ length: frames }, () => page), colours, texts };
}
