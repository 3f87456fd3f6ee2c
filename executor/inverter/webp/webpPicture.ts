import sharp from "sharp";
import { comparable, type Picture } from "../picture.js";
import { frameDelays, type WebpChunk, type WebpFile } from "./webpFile.js";

/** How the picture is coded: the result has its own. */
const CODING: ReadonlySet<string> = new Set(["VP8 ", "VP8L", "VP8X", "ALPH", "ANIM", "ANMF"]);

/** What is about the picture, and not its coding: it stays, to the byte. */
export function isAbout({ type }: WebpChunk): boolean {
  return !CODING.has(type);
}

export async function webpPicture({ data, chunks, tail }: WebpFile): Promise<Picture> {
  const metadata = await sharp(data, { limitInputPixels: false }).metadata();
  const { width, height, channels, pages: frames = 1, loop } = metadata;
  const colours = new Map<string, string>();
  const texts = new Map<string, string>();
  for (const chunk of chunks.filter(isAbout)) {
    const name = chunk.type === "ICCP" ? "ICC profile" : chunk.type.trim();
    const kept = chunk.type === "ICCP" ? colours : texts;
    kept.set(kept.has(name) ? `${name} (${kept.size})` : name, comparable(data.subarray(chunk.from, chunk.to)));
  }
  if (tail.length > 0) texts.set("data after its end", comparable(tail));
  if (frames > 1) {
    texts.set("delays", comparable(Buffer.from(frameDelays(data, chunks).join(" "))));
    texts.set("loops", String(loop ?? 0));
  }
  const page = { width, height, channels, depth: 8 };
  const pages = Array.from({ length: frames }, () => page);
  return { format: "webp", width, height, frames, pages, colours, texts };
}
