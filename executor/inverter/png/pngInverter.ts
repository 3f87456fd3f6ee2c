import type { FormatInverter } from "../formatInverter.js";
import { comparable, type Picture } from "../picture.js";
import { Turns } from "../turns.js";
import { DESCRIBES_COLOURS } from "./ancillary.js";
import { type PngHeader, readHeader } from "./header.js";
import { invertPng } from "./invertPng.js";
import { type Survey, survey } from "./survey.js";

export const pngInverter: FormatInverter = {
  read: async (input, turns = new Turns()) => {
    const header = readHeader(input);
    const found = await survey(input, header, turns);
    return {
      picture: pngPicture(header, found),
      invert: (work) => invertPng({ input, header, found, turns: work.turns }),
    };
  },
};

function pngPicture({ width, height, depth, samples: channels }: PngHeader, { frames, kept }: Survey): Picture {
  const page = { width, height, channels, depth };
  const chunks = new Map<string, Buffer[]>();
  for (const { type, data } of kept) {
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
