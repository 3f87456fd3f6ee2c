import { chmodSync, cpSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { at } from "../lib.mjs";

/** The time of all files in packages: it must not differ from one build to the next. */
export const RELEASE_TIME = new Date("2026-01-01T00:00:00Z");

const REPOSITORY = "https://github.com/mesos-bridge/mesos-bridge";

/** Copies a file of the checkout into a package, readable by everyone whatever the umask. */
export function stage(file, to) {
  mkdirSync(dirname(to), { recursive: true });
  cpSync(at(file), to);
  chmodSync(to, 0o644);
}

/** Copies a README into a package, where links to files beside the package lead nowhere. */
export function stageReadme(file, to) {
  stage(file, to);
  const folder = dirname(file);
  const text = readFileSync(to, "utf8").replaceAll(/\]\((?!https?:|#)([^)]+)\)/g, (_, path) => {
    return `](${new URL(path, `${REPOSITORY}/blob/main/${folder}/`)})`;
  });
  writeFileSync(to, text);
}

export const writeJson = (path, content) => writeFileSync(path, `${JSON.stringify(content, undefined, 2)}\n`);
