import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { closeSync, constants, existsSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Script } from "node:vm";
import sharp from "sharp";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { writeGallery } from "../../../clients/typescript/invert/gallery.js";
import { galleryPage } from "../../../clients/typescript/invert/galleryPage.js";
import type { ImageRecord } from "../../../clients/typescript/invert/image.js";
import { eventually } from "../../support/eventually.js";

let folder: string;
let hurry: AbortController;
let onProgress: (made: number, total: number) => void;

beforeEach(() => {
  hurry = new AbortController();
  onProgress = () => undefined;
  folder = mkdtempSync(join(tmpdir(), "gallery-"));
});

afterEach(() => rmSync(folder, { recursive: true, force: true }));

function image(changes: Partial<ImageRecord> = {}): ImageRecord {
  const task = { id: "x-1", agentId: "a", host: "host (S0)", executorId: "e", launchTimeMs: 1, origin: "http://h:1" };
  const identity = { id: "x", key: join(folder, "a.png"), kind: "file" as const, name: "a.png", token: "SECRET" };
  const state = { state: "done" as const, launches: 1, losses: 0, task, durationMs: 1234 };
  return {
    ...identity,
    resultName: "a-inverted.png",
    ...state,
    result: { file: "a-inverted.png", bytes: 2048 },
    ...changes,
  };
}

const thumbnails = new Map([["x", { before: "thumbnails/x-before.webp", after: undefined }]]);
const page = (...images: ImageRecord[]) =>
  galleryPage({ images, unusable: [], output: folder, totalMs: 5000 }, thumbnails, new Date(0));

const write = (...images: ImageRecord[]) =>
  writeGallery({ images, unusable: [], output: folder, totalMs: 1 }, { signal: hurry.signal, onProgress });

describe("the gallery", () => {
  it("tells state, agent, time and size of each image, and the reason of each failure", () => {
    const html = page(image(), image({ id: "y", name: "b.png", state: "failed", reason: "not an image", launches: 2 }));
    for (const text of [
      "1 of 2 images inverted",
      "1 failed",
      "host (S0)",
      "1.2 s",
      "2 KiB",
      "not an image",
      "2 launches",
    ]) {
      expect(html).toContain(text);
    }
    // Failures come first.
    expect(html.indexOf("b.png")).toBeLessThan(html.indexOf("a.png"));
    expect(html).not.toContain("SECRET");
  });

  it("names what was left out, and why", () => {
    const unusable = [{ name: "<b>.png", problem: "can't be read: permission denied" }];
    const html = galleryPage({ images: [image()], unusable, output: folder, totalMs: 1 }, thumbnails, new Date(0));
    expect(html).toContain("1 left out");
    expect(html).toContain("<li><b>&lt;b&gt;.png</b> can&#39;t be read: permission denied</li>");
    expect(page(image())).not.toMatch(/left out/i);
  });

  it("shows names as text, whatever they hold", () => {
    const name = `<img src=x onerror=alert(1)>"'&.png`;
    const html = page(image({ name, state: "failed", reason: `<script>"'</script>` }));
    expect(html).not.toMatch(/<img src=x|onerror=alert\(1\)>"/);
    expect(html.match(/<script/g)).toHaveLength(1);
    expect(html).toContain("&lt;img src=x onerror=alert(1)&gt;&quot;&#39;&amp;.png");
    expect(html).toContain("&lt;script&gt;&quot;&#39;&lt;/script&gt;");
  });

  it("links relatively, with every character of a file's name", () => {
    const html = page(image({ result: { file: `a b#?%'"é-inverted.png`, bytes: 1 } }));
    expect(html).toContain(`href="./a%20b%23%3F%25%27%22%C3%A9-inverted.png"`);
    expect(html).not.toMatch(/(src|href)="(?!\.\/)/);
  });

  it("needs no network, and lets no script run but its own", () => {
    const html = page(image());
    expect(html).not.toMatch(/https?:\/\/|@import|url\(/);
    const [, script = ""] = /<script>([\s\S]*?)<\/script>/.exec(html) ?? [];
    const hash = createHash("sha256").update(script).digest("base64");
    expect(html).toContain(`script-src 'sha256-${hash}'"`);
    // A browser would run nothing of a script with a mistake.
    expect(() => new Script(script)).not.toThrow();
  });

  it("has a filter for each state that some of its images are in", () => {
    const failed = image({ id: "y", name: "b.png", state: "failed" });
    const labels = (html: string) =>
      [...html.matchAll(/data-state="(\w+)"[^>]*>[^<]* <b>(\d+)</g)].map((m) => `${m[1]} ${m[2]}`);
    expect(labels(page(image(), failed, image({ id: "z", name: "c.png" })))).toEqual(["all 3", "failed 1", "done 2"]);
    expect(labels(page(image()))).toEqual(["all 1"]);
  });

  it("links to the result and to the original, and names the task", () => {
    const html = page(image({ key: join(folder, "../in put/a.png") }));
    expect(html).toContain('<a href="./a-inverted.png">inverted file</a>');
    expect(html).toContain('<a href="./../in%20put/a.png">original</a>');
    expect(html).toContain("<code>x-1</code>");
  });

  it.each(["http://me:SECRET@host/a.png", "http://host/a.png?key=SECRET"])("does not link to %s", (key) => {
    expect(page(image({ kind: "url", key }))).not.toMatch(/SECRET|>original</);
    expect(page(image({ kind: "url", key: "http://host/a.png" }))).toContain(
      '<a href="http://host/a.png">original</a>',
    );
  });

  it("is written with thumbnails that the page finds", async () => {
    const original = sharp({ create: { width: 900, height: 300, channels: 3, background: "#102030" } }).png();
    await original.toFile(join(folder, "a.png"));
    await sharp({ create: { width: 900, height: 300, channels: 3, background: "#efdfcf" } })
      .png()
      .toFile(join(folder, "a-inverted.png"));
    const url = image({ id: "u", kind: "url", key: "http://host/a.png", name: "u.png" });
    const broken = image({ id: "z", key: join(folder, "none.png"), name: "z.png", state: "failed", reason: "gone" });
    const path = await write(image(), url, broken);
    const html = readFileSync(path, "utf8");
    const sources = [...html.matchAll(/src="\.\/([^"]+)"/g)].map((match) => match[1] ?? "");
    expect(sources.length).toBe(4);
    for (const source of sources) expect((await sharp(join(folder, source)).metadata()).width).toBe(720);
    // What came from a URL is not here: its "before" is the result, inverted back.
    const { channels } = await sharp(join(folder, "thumbnails/u-before.webp")).stats();
    for (const [i, value] of [0x10, 0x20, 0x30].entries()) expect(channels[i]?.mean).toBeCloseTo(value, -1);
    expect(html).toContain("no preview");
  });

  it("is written at once when it is interrupted, with the thumbnails that are there", async () => {
    const paint = (name: string) =>
      sharp({ create: { width: 90, height: 30, channels: 3, background: "#102030" } })
        .png()
        .toFile(join(folder, name));
    for (const name of ["a.png", "a-inverted.png"]) await paint(name);
    await write(image());
    // Reading from a pipe that nobody writes to never ends.
    const pipe = join(folder, "b.png");
    execFileSync("mkfifo", [pipe]);
    const writing = write(image(), image({ id: "y", key: pipe, name: "b.png" }));
    // It can be opened for writing once it is being read.
    const writer = await eventually(() => openSync(pipe, constants.O_WRONLY | constants.O_NONBLOCK));
    hurry.abort();
    const html = readFileSync(await writing, "utf8");
    closeSync(writer);
    expect(html).toContain("thumbnails/x-before.webp");
    expect(html).not.toContain("thumbnails/y-before.webp");
  });

  it("is written while it tells how far it is", async () => {
    const told: string[] = [];
    onProgress = (made, total) => told.push(`${made}/${total}`);
    await write(image(), image({ id: "y" }), image({ id: "z" }));
    expect(told).toEqual(["0/3", "1/3", "2/3", "3/3"]);
  });

  it("leaves a page alone that it did not write", async () => {
    writeFileSync(join(folder, "index.html"), "<p>mine</p>");
    expect(await write()).toBe(join(folder, "mesos-invert.html"));
    expect(readFileSync(join(folder, "index.html"), "utf8")).toBe("<p>mine</p>");
    rmSync(join(folder, "index.html"));
    expect(await write()).toBe(join(folder, "index.html"));
    expect(await write()).toBe(join(folder, "index.html"));
    expect(existsSync(join(folder, "index.html.new"))).toBe(false);
  });
});
