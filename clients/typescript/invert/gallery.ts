import { existsSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { seconds } from "./display.js";
import type { Unusable } from "./folderImages.js";
import { GALLERY_STYLE } from "./galleryStyle.js";
import { hostOf, type ImageRecord } from "./image.js";
import { makeThumbnails, type ThumbnailOptions, type Thumbnails } from "./thumbnails.js";

/** The gallery's file in the output folder; the second name where the first is someone else's page. */
const GALLERY_FILES = ["index.html", "mesos-invert.html"] as const;
const GENERATOR = '<meta name="generator" content="mesos-invert">';

/** What the gallery tells. */
export interface GalleryContent {
  images: readonly ImageRecord[];
  /** What was named and is no image of the batch. */
  unusable: readonly Unusable[];
  /** Folder of the results and of the page. */
  output: string;
  /** How long it took, in ms. */
  totalMs: number;
}

/**
 * Writes the page that shows each image before and after. It works without a server, a network and scripts.
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

/** The page as HTML. Failures come first. */
export function galleryPage(
  { images, unusable, totalMs }: Omit<GalleryContent, "output">,
  thumbnails: ReadonlyMap<string, Thumbnails>,
  now: Date,
): string {
  const rank = { failed: 0, waiting: 1, launched: 1, done: 2 };
  const sorted = [...images].sort((a, b) => rank[a.state] - rank[b.state]);
  const done = images.filter(({ state }) => state === "done").length;
  const time = now.toISOString().replace("T", " ").slice(0, 16);
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
${GENERATOR}
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; img-src 'self' file: data:; style-src 'unsafe-inline'">
<title>${done} of ${images.length} images inverted</title>
<style>${GALLERY_STYLE}</style>
</head>
<body>
<header>
<h1>${done} of ${images.length} images inverted</h1>
<p>${html(`${summaryOf(images, unusable)} · ${seconds(totalMs)} on Mesos`)}</p>
</header>
<main>
${sorted.map((image) => card(image, thumbnails.get(image.id))).join("\n")}
</main>
${leftOut(unusable)}<footer>Written by mesos-invert, ${time} UTC.</footer>
</body>
</html>
`;
}

function leftOut(unusable: readonly Unusable[]): string {
  if (unusable.length === 0) return "";
  const items = unusable.map(({ name, problem }) => `<li><b>${html(name)}</b> ${html(problem)}</li>`);
  return `<section class="left-out">\n<h2>Left out</h2>\n<ul>\n${items.join("\n")}\n</ul>\n</section>\n`;
}

function summaryOf(images: readonly ImageRecord[], unusable: readonly Unusable[]): string {
  const failed = images.filter(({ state }) => state === "failed").length;
  const open = images.filter(({ state }) => state === "waiting" || state === "launched").length;
  const out = unusable.length;
  const parts = [
    failed > 0 && `${failed} failed`,
    open > 0 && `${open} not finished`,
    out > 0 && `${out} left out`,
  ].filter((part) => part !== false);
  return parts.length === 0 ? "All done" : parts.join(", ");
}

const STATES = { done: "inverted", failed: "failed", waiting: "not finished", launched: "not finished" };

function card(image: ImageRecord, thumbnails: Thumbnails | undefined): string {
  const style = image.state === "launched" ? "waiting" : image.state;
  const facts = [
    hostOf(image) !== "" && `on ${hostOf(image)}`,
    image.durationMs !== undefined && image.durationMs > 0 && seconds(image.durationMs),
    image.result !== undefined && image.state === "done" && bytes(image.result.bytes),
    image.launches > 1 && `${image.launches} launches`,
  ].filter((fact) => fact !== false);
  const reason =
    image.state === "done" || image.reason === undefined ? "" : `<p class="reason">${html(image.reason)}</p>`;
  const full = image.state === "done" ? image.result?.file : undefined;
  return `<article class="${style}">
<div class="pair">
${figure(thumbnails?.before, undefined, `${image.name}, before`, "before", "no preview")}
${figure(thumbnails?.after, full, `${image.name}, inverted`, "after", image.state === "done" ? "no preview" : STATES[image.state])}
</div>
<div class="about">
<h2>${html(image.name)}</h2>
<ul class="facts"><li class="state">${STATES[image.state]}</li>${facts.map((fact) => `<li>${html(fact)}</li>`).join("")}</ul>
${reason}
</div>
</article>`;
}

function figure(
  source: string | undefined,
  full: string | undefined,
  alt: string,
  caption: string,
  otherwise: string,
): string {
  const picture =
    source === undefined
      ? `<div class="none">${html(otherwise)}</div>`
      : `<img src="${path(source)}" alt="${html(alt)}" loading="lazy">`;
  const linked = full === undefined ? picture : `<a href="${path(full)}" title="open in full size">${picture}</a>`;
  return `<figure>${linked}<figcaption>${caption}</figcaption></figure>`;
}

/** A relative path as a URL: nothing in a name can lead elsewhere or end the attribute. */
function path(relative: string): string {
  return `./${relative.split("/").map(encodeURIComponent).join("/")}`.replace(/'/g, "%27");
}

function bytes(count: number): string {
  if (count < 1024) return `${count} bytes`;
  return count < 1024 ** 2 ? `${Math.round(count / 1024)} KiB` : `${(count / 1024 ** 2).toFixed(1)} MiB`;
}

/** Text as it may stand in HTML and in a quoted attribute. */
function html(text: string): string {
  const named: Record<string, string> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;" };
  return text.replace(/[&<>"']/g, (character) => named[character] ?? character).replace(/\p{Cc}/gu, "\uFFFD");
}
