import { relative, sep } from "node:path";
import { seconds } from "./display.js";
import { html, pathUrl } from "./galleryHtml.js";
import { hostOf, type ImageRecord } from "./image.js";
import type { Thumbnails } from "./thumbnails.js";

const STATES = { done: "inverted", failed: "failed", waiting: "not finished", launched: "not finished" };

/** What the page shows of one image. */
export function card(image: ImageRecord, thumbnails: Thumbnails | undefined, output: string): string {
  const style = image.state === "launched" ? "waiting" : image.state;
  const facts = [
    hostOf(image) !== "" && `on ${hostOf(image)}`,
    image.durationMs !== undefined && image.durationMs > 0 && seconds(image.durationMs),
    image.result !== undefined && image.state === "done" && bytes(image.result.bytes),
    image.launches > 1 && `${image.launches} launches`,
  ].filter((fact) => fact !== false);
  const reason =
    image.state === "done" || image.reason === undefined ? "" : `<p class="reason">${html(image.reason)}</p>`;
  return `<article class="${style}" data-id="${html(image.id)}">
<div class="pair">
${figure(thumbnails?.before, `${image.name}, before`, "before", "no preview")}
${figure(thumbnails?.after, `${image.name}, inverted`, "inverted", image.state === "done" ? "no preview" : STATES[image.state])}
</div>
<div class="about">
<h2>${html(image.name)}</h2>
<ul class="facts"><li class="state">${STATES[image.state]}</li>${facts.map((fact) => `<li>${html(fact)}</li>`).join("")}</ul>
${reason}<ul class="links">${links(image, output).join("")}</ul>
</div>
</article>`;
}

function figure(source: string | undefined, alt: string, caption: string, otherwise: string): string {
  const picture =
    source === undefined
      ? `<div class="none">${html(otherwise)}</div>`
      : `<img src="${pathUrl(source)}" alt="${html(alt)}" loading="lazy">`;
  return `<figure>${picture}<figcaption>${caption}</figcaption></figure>`;
}

/** The files, and the task by which Mesos's own page, logs and sandboxes name it. */
function links(image: ImageRecord, output: string): string[] {
  const result = image.state === "done" ? image.result?.file : undefined;
  const original = originalOf(image, output);
  const items = [
    result !== undefined && `<a href="${pathUrl(result)}">inverted file</a>`,
    original !== undefined && `<a href="${html(original)}">original</a>`,
    image.task !== undefined && `task <code>${html(image.task.id)}</code>`,
  ];
  return items.filter((item) => item !== false).map((item) => `<li>${item}</li>`);
}

/** Where the original is. A URL's user, password and query may be secrets, and without them it may lead nowhere. */
function originalOf({ kind, key }: ImageRecord, output: string): string | undefined {
  if (kind === "file") return pathUrl(relative(output, key).split(sep).join("/"));
  const { username, password, search } = new URL(key);
  return username === "" && password === "" && search === "" ? key : undefined;
}

function bytes(count: number): string {
  if (count < 1024) return `${count} bytes`;
  return count < 1024 ** 2 ? `${Math.round(count / 1024)} KiB` : `${(count / 1024 ** 2).toFixed(1)} MiB`;
}
