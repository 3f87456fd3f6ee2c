import { ImageError } from "../imageError.js";
import { TiffLayout } from "./layout.js";
import { type InvertTiffOptions, PageInverter } from "./pageInverter.js";
import { pixelsOnly } from "./pixelsOnly.js";
import { LONG, type TiffDirectory, TiffFile } from "./tiffFile.js";
import { type TiffPage, tiffPage } from "./tiffPage.js";
import { TAG } from "./tiffTags.js";

/** A TIFF as far as its structure tells: what it holds, but no pixels yet. */
export interface Tiff {
  file: TiffFile;
  /** Those that programs show, one after the other. */
  pages: TiffPage[];
  /** Those within pages: smaller versions of them, as a rule. */
  inner: TiffPage[];
}

/** @throws ImageError for what can't be inverted, by the name of the page where there are several */
export function readTiff(input: Buffer): Tiff {
  const file = new TiffFile(input);
  const directories = file.pages();
  const several = directories.length > 1;
  const pages: TiffPage[] = [];
  const inner: TiffPage[] = [];
  for (const [i, directory] of directories.entries()) {
    const name = several ? `page ${i + 1} ` : "";
    pages.push(tiffPage(file, directory, name && `page ${i + 1}: `));
    const within = innerDirectories(file, directory);
    for (const [n, each] of within.entries()) {
      inner.push(tiffPage(file, each, `picture ${n + 1} within ${name.trim() || "it"}: `));
    }
  }
  refuseHiddenPages(file, directories);
  if (pages.every(({ method }) => method.kind === "mask")) throw new ImageError("holds a mask, and no picture for it");
  return { file, pages, inner };
}

/** Some programs describe only the first page of a stack, and write the others behind it: nobody else sees these. */
function refuseHiddenPages(file: TiffFile, directories: readonly TiffDirectory[]): void {
  const entry = directories[0]?.entries.get(TAG.description);
  if (!entry) return;
  const text = file.value(entry).toString("latin1", 0, 4_096);
  const images = /^ImageJ=/.test(text) ? Number(/\nimages=(\d{1,9})\n/.exec(text)?.[1] ?? 1) : 1;
  if (images > directories.length || /^\{.*"truncated": ?true/.test(text)) {
    throw new ImageError("holds a stack of which only the first page is described, which is not supported");
  }
}

function innerDirectories(file: TiffFile, { entries }: TiffDirectory): TiffDirectory[] {
  const entry = entries.get(TAG.inner);
  if (!entry) return [];
  const step = entry.bytes / entry.count;
  return file.numbers(entry).map((at, i) => file.directory(at, entry.valueAt + i * step, step === 8 ? 16 : LONG));
}

/**
 * Complements the colours of every page, and changes nothing else: the file stays as it is, with all of its tags, but for the
 * samples. What only sharp can decode is encoded anew, and gets the tags that say how.
 */
export async function invertTiff({ file, pages, inner }: Tiff, options: InvertTiffOptions): Promise<Buffer> {
  const all = [...pages, ...inner];
  const bytes = all.reduce((sum, page) => sum + page.segments.reduce((n, s) => n + s.rows * s.rowBytes, 0), 0);
  if (bytes > options.maxPixels * 8 + 65_536) {
    throw new ImageError(`has ${bytes} bytes of samples, over the limit of 8 for each of ${options.maxPixels} pixels`);
  }
  const layout = new TiffLayout(file, all);
  const last = pages.at(-1);
  if (last) layout.endPages(last.directory);
  const decoded = all.filter(({ method }) => method.kind !== "samples" && method.kind !== "mask");
  const pixels = decoded.length > 0 ? pixelsOnly(file, decoded) : Buffer.alloc(0);
  // The last one first: a page that moves says where the next one is by then.
  for (let i = all.length - 1; i >= 0; i--) {
    const page = all[i];
    if (page) await new PageInverter(file, layout, options, page, { file: pixels, index: decoded.indexOf(page) }).run();
  }
  return layout.finish();
}
