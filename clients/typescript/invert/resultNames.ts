import { extname } from "node:path";
import { IMAGE_EXTENSIONS } from "./folderImages.js";

/** File systems allow 255 bytes; this leaves room for what is added. */
const MAX_STEM_BYTES = 180;
const OTHERS_NAMES: ReadonlySet<string> = new Set(["index.html", "mesos-invert.html"]);

/** What an image file begins with, and how it is then called. */
const SIGNATURES: readonly [extension: string, at: number, bytes: Buffer][] = [
  [".jpg", 0, Buffer.from([0xff, 0xd8, 0xff])],
  [".png", 0, Buffer.from([0x89, 0x50, 0x4e, 0x47])],
  [".gif", 0, Buffer.from("GIF8")],
  [".webp", 8, Buffer.from("WEBP")],
  [".tif", 0, Buffer.from("II")],
  [".tif", 0, Buffer.from("MM")],
  [".avif", 4, Buffer.from("ftypavi")],
];

/**
 * Chooses the results' file names: `<name>-inverted.<ext>`, with a number where that is taken already. They differ
 * in more than case, hold nothing that some file system refuses, and never name anything outside the folder.
 */
export class ResultNames {
  readonly #taken: Set<string>;

  /** @param taken  file names that must not be used, such as those in the folder */
  constructor(taken: Iterable<string>) {
    this.#taken = new Set([...OTHERS_NAMES, ...taken].map(comparable));
  }

  /** Chooses the name of an image's result. Without an image's extension, the result's content will decide on it. */
  choose(name: string): string {
    const extension = extname(name);
    const known = IMAGE_EXTENSIONS.has(extension.toLowerCase()) ? extension : "";
    const stem = cleanStem(known === "" ? name : name.slice(0, -known.length));
    for (let number = 1; ; number++) {
      const candidate = `${stem}-inverted${number === 1 ? "" : `-${number}`}`;
      const wanted = known === "" ? [...IMAGE_EXTENSIONS].map((each) => candidate + each) : [candidate + known];
      if ([candidate, ...wanted].some((each) => this.#taken.has(comparable(each)))) continue;
      for (const each of wanted) this.#taken.add(comparable(each));
      return candidate + known;
    }
  }
}

/** The file name of a result with this content: with an extension, where the chosen name has none yet. */
export function withExtension(chosen: string, head: Buffer): string {
  if (IMAGE_EXTENSIONS.has(extname(chosen).toLowerCase())) return chosen;
  const found = SIGNATURES.find(([, at, bytes]) => head.subarray(at, at + bytes.length).equals(bytes));
  return chosen + (found?.[0] ?? "");
}

function comparable(name: string): string {
  return name.normalize("NFC").toLowerCase();
}

function cleanStem(name: string): string {
  const clean = name.replace(/[\p{Cc}\p{Cf}/\\:*?"<>|]/gu, "_").replace(/^[. ]+/, "_");
  let stem = clean;
  while (Buffer.byteLength(stem) > MAX_STEM_BYTES) stem = [...stem].slice(0, -1).join("");
  return stem === "" ? "image" : stem;
}
