import sharp from "sharp";
import { ImageError } from "../imageError.js";
import { comparable, type Picture } from "../picture.js";
import { type AvifFile, type AvifItem, itemData } from "./avifFile.js";
import type { Box } from "./boxes.js";
import { type StreamColours, streamColours } from "./sequenceHeader.js";

const PICTURES: ReadonlySet<string> = new Set(["av01", "grid", "iden", "iovl", "hvc1", "tmap", "j2k1", "jpeg", "avc1"]);
const ALPHA = ["urn:mpeg:mpegB:cicp:systems:auxiliary:alpha", "urn:mpeg:hevc:2015:auxid:1"];
/** How the picture is coded, and what the decoder has done by then: the result has its own. */
const CODING: ReadonlySet<string> = new Set([
  ...["ispe", "pixi", "av1C", "auxC", "colr", "irot", "imir", "clap", "a1op", "a1lx", "lsel", "rref", "free", "skip"],
]);
const UNSPECIFIED = 2;

/** What is not about coding: it stays. */
export function keptProperties(file: AvifFile): Box[] {
  const own = file.items.get(file.primary)?.properties ?? [];
  return own.flatMap((index) => {
    const box = file.properties[index];
    return box && !CODING.has(box.type) ? [box] : [];
  });
}

/** Of the primary item: as its box says, and otherwise as the stream does. */
export function coloursOf(file: AvifFile): StreamColours & { inBox: boolean } {
  const own = file.items.get(file.primary)?.properties ?? [];
  for (const index of own) {
    const box = file.properties[index];
    if (
      box?.type !== "colr" ||
      file.data.toString("latin1", box.body, box.body + 4) !== "nclx" ||
      box.to < box.body + 11
    )
      continue;
    const at = box.body + 4;
    const [primaries, transfer, matrix] = [0, 2, 4].map((offset) => file.data.readUInt16BE(at + offset));
    return {
      primaries: primaries ?? UNSPECIFIED,
      transfer: transfer ?? UNSPECIFIED,
      matrix: matrix ?? UNSPECIFIED,
      fullRange: ((file.data[at + 6] ?? 0) & 0x80) !== 0,
      inBox: true,
    };
  }
  return { ...streamOf(file), inBox: false };
}

/** What the stream says, or what unspecified stands for: sRGB. */
export function streamOf(file: AvifFile): StreamColours {
  const tile = file.references.find(({ type, from }) => type === "dimg" && from === file.primary)?.to[0];
  const found = streamColours(itemData(file, tile ?? file.primary));
  return found ?? { primaries: UNSPECIFIED, transfer: UNSPECIFIED, matrix: UNSPECIFIED, fullRange: true };
}

/** @throws ImageError for what can't be kept, by name */
export async function avifPicture(file: AvifFile): Promise<Picture> {
  const { data } = file;
  refuseOthers(file);
  const metadata = await sharp(data, { limitInputPixels: false }).metadata();
  const { width, height, channels, bitsPerSample, icc } = metadata;
  const { primaries, transfer } = coloursOf(file);
  const colours = new Map<string, string>([
    ["primaries (nclx)", String(primaries === UNSPECIFIED ? 1 : primaries)],
    ["transfer characteristics (nclx)", String(transfer === UNSPECIFIED ? 13 : transfer)],
  ]);
  if (icc) colours.set("ICC profile", comparable(icc));
  const texts = new Map<string, string>();
  for (const box of keptProperties(file)) texts.set(`'${box.type}'`, comparable(data.subarray(box.body, box.to)));
  for (const item of file.items.values()) {
    if (!isText(file, item)) continue;
    const name =
      item.type === "Exif" ? "EXIF" : item.type === "mime" ? "XMP or other text" : `item of type '${item.type}'`;
    texts.set(texts.has(name) ? `${name} (${item.id})` : name, comparable(itemData(file, item.id)));
  }
  for (const box of file.top) if (box.type === "uuid") texts.set("'uuid'", comparable(data.subarray(box.body, box.to)));
  if (file.end < data.length) texts.set("data after its end", comparable(data.subarray(file.end)));
  const page = { width, height, channels, depth: bitsPerSample ?? 8 };
  return { format: "avif", width, height, frames: 1, pages: [page], colours, texts };
}

function isText(file: AvifFile, item: AvifItem): boolean {
  return !PICTURES.has(item.type) && item.id !== file.primary;
}

/** Pictures beside the one that is shown, and what would no longer fit it. */
function refuseOthers(file: AvifFile): void {
  const { items, primary, references } = file;
  const refuse = (why: string): never => {
    throw new ImageError(why);
  };
  const of = (type: string) => references.filter((reference) => reference.type === type);
  if ([...items.values()].some(({ type }) => type === "tmap")) {
    refuse("has a gain map, for bright screens, which would no longer fit the inverted picture");
  }
  if (of("prem").length > 0) refuse("has colours that are multiplied with its alpha, which is not supported");
  const parts = new Set(of("dimg").flatMap(({ to }) => to));
  const beside = new Set([...of("thmb"), ...of("auxl")].map(({ from }) => from));
  for (const { from, to } of of("auxl")) {
    if (!to.includes(primary) || isAlpha(file, from)) continue;
    refuse("has a depth map or another picture beside it, which would no longer fit the inverted picture");
  }
  const shown = [...items.values()].filter(
    ({ id, type, hidden }) => PICTURES.has(type) && !hidden && !parts.has(id) && !beside.has(id),
  );
  if (shown.length > 1) refuse(`holds ${shown.length} pictures, which is not supported: one would be left`);
}

function isAlpha(file: AvifFile, id: number): boolean {
  return (file.items.get(id)?.properties ?? []).some((index) => {
    const box = file.properties[index];
    if (box?.type !== "auxC") return false;
    const text = file.data.toString("latin1", box.body + 4, box.to);
    return ALPHA.some((name) => text.startsWith(name));
  });
}
