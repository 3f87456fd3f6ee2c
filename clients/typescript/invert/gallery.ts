import { existsSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type GalleryContent, GENERATOR, galleryPage } from "./galleryPage.js";
import { makeThumbnails, type ThumbnailOptions } from "./thumbnails.js";

/** The gallery's file in the output folder; the second name where the first is someone else's page. */
const GALLERY_FILES = ["index.html", "mesos-invert.html"] as const;

/**
 * Writes the page that shows each image before and after. It works without a server and without a network; without
 * scripts it has no filters and no slider.
 *
 * @returns its path
 */
export async function writeGallery(content: GalleryContent, options: ThumbnailOptions): Promise<string> {
  const { images, output } = content;
  const page = galleryPage(content, await makeThumbnails(images, output, options), new Date());
  const path = galleryPath(output);
  writeFileSync(`${path}.new`, page);
  renameSync(`${path}.new`, path);
  return path;
}

function galleryPath(output: string): string {
  const [first, second] = GALLERY_FILES.map((name) => join(output, name)) as [string, string];
  return existsSync(first) && !readFileSync(first, "utf8").includes(GENERATOR) ? second : first;
}
