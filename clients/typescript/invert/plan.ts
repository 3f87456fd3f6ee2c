import { randomBytes } from "node:crypto";
import { rmSync, statSync } from "node:fs";
import { extname, join } from "node:path";
import type { ImageRecord } from "./image.js";
import type { Input } from "./input.js";
import type { ResultNames } from "./resultNames.js";

/** A secret for a URL. */
export function newToken(): string {
  return randomBytes(24).toString("base64url");
}

/**
 * What is to be done: each input as the ledger knows it, or new. What is done stays done while its result
 * is there and its file is the same; what failed gets another chance; what was launched is found again.
 *
 * @param known   the ledger's images, by key
 * @param output  the folder of the results
 */
export function planImages(
  inputs: readonly Input[],
  known: ReadonlyMap<string, ImageRecord>,
  names: ResultNames,
  output: string,
): ImageRecord[] {
  return inputs.map((input) => {
    const image = known.get(input.key);
    if (image === undefined) return newImage(input, names.choose(input.name));
    if (input.size === image.size && input.mtimeMs === image.mtimeMs) return goOn(image, output);
    // Another image under the same name. A task of the old one is killed when it is heard of.
    if (image.result !== undefined) rmSync(join(output, image.result.file), { force: true });
    return newImage(input, image.resultName);
  });
}

function newImage({ key, kind, label: name, size, mtimeMs }: Input, resultName: string): ImageRecord {
  const id = randomBytes(6).toString("hex");
  const identity = { id, key, kind, name, resultName, token: newToken() };
  const file = kind === "file" ? { size, mtimeMs } : {};
  return { ...identity, ...file, state: "waiting", launches: 0, losses: 0 };
}

function goOn(image: ImageRecord, output: string): ImageRecord {
  const result = findResult(image, output);
  const { reason: _, durationMs, ...rest } = { ...image, losses: 0, result };
  if (result === undefined) return { ...rest, state: image.state === "launched" ? "launched" : "waiting" };
  if (image.state === "launched") return rest;
  return { ...rest, state: "done", durationMs: durationMs ?? 0 };
}

/** The result, if its file is there: renamed into place, and perhaps not written down any more when a crash came. */
function findResult({ result, resultName }: ImageRecord, output: string): ImageRecord["result"] {
  const file = result?.file ?? resultName;
  const path = join(output, file);
  const info = extname(file) === "" ? undefined : statSync(path, { throwIfNoEntry: false });
  return info?.isFile() ? { file, bytes: info.size } : undefined;
}
