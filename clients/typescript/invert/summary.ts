import { printable } from "../library/terminal.js";
import { count, type Display, seconds } from "./display.js";
import { reason } from "./fileReason.js";
import type { Unusable } from "./folderImages.js";
import { writeGallery } from "./gallery.js";
import type { GalleryContent } from "./galleryPage.js";
import { INTERRUPTED, type Interrupts } from "./interrupts.js";

/** How many unusable entries are named at the start. */
const MAX_WARNINGS = 10;

/** Names what is left out. A few lines are enough at the start: the end names all. */
export function warnOf(unusable: readonly Unusable[]): void {
  for (const each of unusable.slice(0, MAX_WARNINGS)) console.error(leftOut(each));
  const more = unusable.length - MAX_WARNINGS;
  if (more > 0) console.error(`and ${more} more, which the end of the output names`);
}

function leftOut({ name, problem }: Unusable): string {
  return `left out: ${printable(`${name} ${problem}`)}`;
}

/** What became of the gallery. `whole`: it has all its pictures. */
export type GalleryOutcome = { kind: "written"; path: string; whole: boolean } | { kind: "failed"; why: string };

/** Writes the gallery and shows how far that is. After an interrupt it goes without the pictures that are missing. */
export async function makeGallery(
  content: GalleryContent,
  display: Display,
  interrupts: Interrupts,
): Promise<GalleryOutcome> {
  const hurry = new AbortController();
  const tell = () => {
    display.note("interrupted: the gallery goes without the pictures that are missing; once more ends at once");
    hurry.abort();
  };
  const onProgress = (made: number, total: number) => display.gallery(made, total);
  try {
    const write = () => writeGallery(content, { signal: hurry.signal, onProgress });
    const path = await interrupts.during(tell, write);
    return { kind: "written", path, whole: !hurry.signal.aborted };
  } catch (error) {
    return { kind: "failed", why: reason(error) };
  }
}

/**
 * Prints what became of the batch.
 *
 * @returns the exit status
 */
export function summarize(
  { images, unusable, totalMs }: GalleryContent,
  gallery: GalleryOutcome,
  interrupted: boolean,
): number {
  const done = images.filter(({ state }) => state === "done").length;
  for (const { name, reason } of images.filter(({ state }) => state === "failed")) {
    console.log(`failed: ${printable(`${name}: ${reason}`)}`);
  }
  for (const each of unusable) console.log(leftOut(each));
  const open = images.filter(({ state }) => state === "waiting" || state === "launched").length;
  const rest = unusable.length > 0 ? `, ${unusable.length} left out` : "";
  const see = gallery.kind === "written" ? `; see ${gallery.path}` : "";
  console.log(`${done} of ${images.length} inverted in ${seconds(totalMs)}${rest}${see}`);
  if (gallery.kind === "failed") console.log(`the gallery could not be written: ${gallery.why}`);
  if (open > 0) console.log(`run the same command again to continue with the other ${count(open, "image")}`);
  const whole = gallery.kind === "written" && gallery.whole;
  if (interrupted && (open > 0 || !whole)) return INTERRUPTED;
  return done === images.length && unusable.length === 0 && gallery.kind === "written" ? 0 : 1;
}
