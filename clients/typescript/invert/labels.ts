import { sep } from "node:path";
import type { Input, NamedInput } from "./input.js";

/** So many folders are put before names that are the same; after that it is the whole path. */
const MAX_FOLDERS = 4;

/** Gives each input a label of its own: its name, with as many folders before it as it takes. */
export function withLabels(inputs: readonly NamedInput[]): Input[] {
  const labels = new Map(inputs.map((input) => [input, input.name]));
  let alike = sameLabels(inputs, labels);
  for (let folders = 1; alike.length > 0 && folders <= MAX_FOLDERS; folders++) {
    for (const input of alike) labels.set(input, labelOf(input, folders));
    alike = sameLabels(alike, labels);
  }
  for (const input of alike) labels.set(input, labelOf(input, Number.POSITIVE_INFINITY));
  return inputs.map((input) => ({ ...input, label: labels.get(input) ?? input.name }));
}

function sameLabels(inputs: readonly NamedInput[], labels: ReadonlyMap<NamedInput, string>): NamedInput[] {
  const counts = new Map<string, number>();
  for (const input of inputs) {
    const label = labels.get(input) ?? "";
    counts.set(label, (counts.get(label) ?? 0) + 1);
  }
  return inputs.filter((input) => (counts.get(labels.get(input) ?? "") ?? 0) > 1);
}

/** Of a URL the host counts as its outermost folder. Its user, password and query stay out of sight. */
function labelOf({ key, kind }: NamedInput, folders: number): string {
  const parts = kind === "file" ? key.split(sep) : partsOf(new URL(key));
  return folders + 1 >= parts.length ? parts.join("/") : parts.slice(-folders - 1).join("/");
}

function partsOf({ host, pathname }: URL): string[] {
  return [host, ...pathname.split("/").filter((part) => part !== "")];
}
