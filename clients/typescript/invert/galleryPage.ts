import { createHash } from "node:crypto";
import { seconds } from "./display.js";
import type { Unusable } from "./folderImages.js";
import { card } from "./galleryCard.js";
import { html } from "./galleryHtml.js";
import { GALLERY_SCRIPT } from "./galleryScript.js";
import { GALLERY_STYLE } from "./galleryStyle.js";
import type { ImageRecord } from "./image.js";
import type { Thumbnails } from "./thumbnails.js";

/** What the gallery shows. */
export interface GalleryContent {
  images: readonly ImageRecord[];
  /** What was named and is not an image of the batch. */
  unusable: readonly Unusable[];
  /** Folder of the results and of the page. */
  output: string;
  /** How long it took, in ms. */
  totalMs: number;
}

/** Tells a page of this program from one of somebody else. */
export const GENERATOR = '<meta name="generator" content="mesos-invert">';

/** The script is the only one that may run, whatever a file's name holds. */
const SCRIPT_HASH = createHash("sha256").update(GALLERY_SCRIPT).digest("base64");
const POLICY = `default-src 'none'; img-src 'self' file: data:; style-src 'unsafe-inline'; script-src 'sha256-${SCRIPT_HASH}'`;

/** The page as HTML. Failures come first. */
export function galleryPage(
  { images, unusable, output, totalMs }: GalleryContent,
  thumbnails: ReadonlyMap<string, Thumbnails>,
  now: Date,
): string {
  const rank = { failed: 0, waiting: 1, launched: 1, done: 2 };
  const sorted = [...images].sort((a, b) => rank[a.state] - rank[b.state]);
  const counts = countsOf(images);
  const { done } = counts;
  const time = now.toISOString().replace("T", " ").slice(0, 16);
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
${GENERATOR}
<meta http-equiv="Content-Security-Policy" content="${POLICY}">
<title>${done} of ${images.length} images inverted</title>
<style>${GALLERY_STYLE}</style>
</head>
<body>
<header>
<h1>${done} of ${images.length} images inverted</h1>
<p>${html(`${summaryOf(counts, unusable.length)} · ${seconds(totalMs)} on Mesos`)}</p>
</header>
${toolbar(counts)}
<main>
${sorted.map((image) => card(image, thumbnails.get(image.id), output)).join("\n")}
</main>
${PAGER}
${leftOut(unusable)}${LIGHTBOX}
<footer>Written by mesos-invert, ${time} UTC.</footer>
<script>${GALLERY_SCRIPT}</script>
</body>
</html>
`;
}

interface Counts {
  readonly all: number;
  readonly failed: number;
  /** Neither done nor failed. */
  readonly open: number;
  readonly done: number;
}

function countsOf(images: readonly ImageRecord[]): Counts {
  const failed = images.filter(({ state }) => state === "failed").length;
  const done = images.filter(({ state }) => state === "done").length;
  return { all: images.length, failed, open: images.length - failed - done, done };
}

/** Filters by state and by name. Hidden until the script, which they need, has started. */
function toolbar({ all, failed, open, done }: Counts): string {
  const states = [
    ["all", "All", all],
    ["failed", "Failed", failed],
    ["waiting", "Not finished", open],
    ["done", "Inverted", done],
  ] as const;
  const buttons = states
    .filter(([state, , count]) => state === "all" || (count > 0 && count < all))
    .map(
      ([state, label, count]) =>
        `<button type="button" data-state="${state}" aria-pressed="${state === "all"}">${label} <b>${count}</b></button>`,
    );
  return `<div class="tools" hidden>
<div class="states" role="group" aria-label="Show">${buttons.join("")}</div>
<input type="search" placeholder="Name, host, or reason" aria-label="Find by name, host, or reason">
</div>`;
}

const PAGER = `<p class="empty" hidden>No image matches.</p>
<nav class="pager" aria-label="Pages" hidden>
<button type="button" class="earlier">Previous</button><span role="status"></span><button type="button" class="later">Next</button>
</nav>`;

const LIGHTBOX = `<dialog aria-labelledby="box-name">
<div class="box-head"><h2 id="box-name"></h2><button type="button" class="close" aria-label="Close">×</button></div>
<div class="compare"><img class="before" alt=""><img class="after" alt="">
<input type="range" min="0" max="100" value="50" aria-label="Divider between the picture before, on the left, and inverted, on the right"></div>
<div class="box-foot"><button type="button" class="earlier">Previous</button><div class="box-about"></div><button type="button" class="later">Next</button></div>
</dialog>`;

function leftOut(unusable: readonly Unusable[]): string {
  if (unusable.length === 0) return "";
  const items = unusable.map(({ name, problem }) => `<li><b>${html(name)}</b> ${html(problem)}</li>`);
  return `<section class="left-out">\n<h2>Left out</h2>\n<ul>\n${items.join("\n")}\n</ul>\n</section>\n`;
}

function summaryOf({ failed, open }: Counts, out: number): string {
  const parts = [
    failed > 0 && `${failed} failed`,
    open > 0 && `${open} not finished`,
    out > 0 && `${out} left out`,
  ].filter((part) => part !== false);
  return parts.length === 0 ? "All done" : parts.join(", ");
}
