import { ImageError } from "./imageError.js";

export type ImageFormat = "jpeg" | "png" | "webp" | "gif" | "tiff" | "avif";

/** What a file may begin with: ASCII or bytes at an offset. */
const SUPPORTED: readonly [ImageFormat, (input: Buffer) => boolean][] = [
  ["jpeg", (input) => hasBytes(input, [0xff, 0xd8, 0xff])],
  ["png", (input) => hasBytes(input, [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a])],
  ["gif", (input) => hasText(input, "GIF87a") || hasText(input, "GIF89a")],
  ["webp", (input) => hasText(input, "RIFF") && hasText(input, "WEBP", 8)],
  [
    "tiff",
    (input) => hasText(input, "II*\0") || hasText(input, "MM\0*") || hasText(input, "II+\0") || hasText(input, "MM\0+"),
  ],
  ["avif", (input) => brands(input).some((brand) => brand === "avif" || brand === "avis")],
];

/** Recognized only to be called by name. */
const OTHERS: readonly [string, (input: Buffer) => boolean][] = [
  ["a HEIC image", (input) => brands(input).some((brand) => /^(hei[cmxs]|hev[cmxs]|mif1|mif2|msf1)$/.test(brand))],
  ["a JPEG XL image", (input) => hasBytes(input, [0xff, 0x0a]) || hasText(input, "JXL ", 4)],
  ["a JPEG 2000 image", (input) => hasText(input, "jP  ", 4) || hasBytes(input, [0xff, 0x4f, 0xff, 0x51])],
  ["a BMP image", (input) => hasText(input, "BM")],
  [
    "an SVG drawing",
    (input) => /^\s*(<\?xml[^>]*>\s*)?(<!--.*?-->\s*)*(<!DOCTYPE svg[^>]*>\s*)?<svg[\s>]/is.test(head(input)),
  ],
  ["a PDF document", (input) => hasText(input, "%PDF")],
];

const NOT_IMAGES: readonly [string, (input: Buffer) => boolean][] = [
  ["an HTML page", (input) => /^\s*(<!doctype html|<html)/i.test(head(input))],
  ["gzip-compressed data", (input) => hasBytes(input, [0x1f, 0x8b])],
  ["a ZIP archive", (input) => hasText(input, "PK\x03\x04")],
];

/** No file is compatible with more. */
const MAX_FTYP_BYTES = 4_096;
const LIST = "jpeg, png, webp, gif, tiff and avif are";

/**
 * Detects the format by the first bytes. Name and content type of a download are ignored: they are wrong too often.
 *
 * @throws ImageError for data that is not an image, and for images of other formats, by name
 */
export function imageFormat(input: Buffer): ImageFormat {
  if (input.length === 0) throw new ImageError("not an image: it is empty");
  for (const [format, matches] of SUPPORTED) if (matches(input)) return format;
  for (const [name, matches] of OTHERS)
    if (matches(input)) throw new ImageError(`${name}, which is not supported: ${LIST}`);
  for (const [name, matches] of NOT_IMAGES) if (matches(input)) throw new ImageError(`not an image: it is ${name}`);
  const start = input
    .subarray(0, 16)
    .toString("latin1")
    .replace(/[^\x20-\x7e]/g, ".");
  throw new ImageError(`not an image: it starts with '${start}'`);
}

function head(input: Buffer): string {
  return input.toString("latin1", 0, 1_024);
}

/** What an ISO base media file says it is: the major brand and those it is compatible with. Which is the major one says little. */
function brands(input: Buffer): string[] {
  if (!hasText(input, "ftyp", 4)) return [];
  const end = Math.min(input.length, input.readUInt32BE(0), MAX_FTYP_BYTES);
  const found = [input.toString("latin1", 8, 12)];
  for (let at = 16; at + 4 <= end; at += 4) found.push(input.toString("latin1", at, at + 4));
  return found;
}

function hasText(input: Buffer, text: string, at = 0): boolean {
  return input.toString("latin1", at, at + text.length) === text;
}

function hasBytes(input: Buffer, bytes: number[]): boolean {
  return bytes.every((byte, i) => input[i] === byte);
}
