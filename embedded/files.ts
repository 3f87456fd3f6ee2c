import {
  closeSync,
  createReadStream,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
  realpathSync,
  statSync,
} from "node:fs";
import { basename, join, sep } from "node:path";
import { pipeline } from "node:stream";
import { type Answer, jsonAnswer, type Request, textAnswer } from "./http/answer.js";

/** What one answer to /files/read holds at most. */
const MAX_READ_BYTES = 16 * 4096;

/** Folders that can be looked into: the name that they are asked for by, and where they lie. */
export type Attached = ReadonlyMap<string, string>;

/** Mesos's /files endpoints. Undefined for any other one. */
export function answerFiles(attached: () => Attached, endpoint: string, request: Request): Answer | undefined {
  if (endpoint === "/files/debug") return jsonAnswer(JSON.stringify(Object.fromEntries(attached())));
  const look = LOOKS.get(endpoint);
  if (!look) return undefined;
  const path = request.query.get("path");
  if (path === null || path === "") return textAnswer(400, "Expecting 'path=value' in query.\n");
  try {
    const found = resolve(attached(), path);
    if (found === undefined) return textAnswer(404, "");
    return found.inside ? look(found.file, path, request.query) : textAnswer(400, `'${path}' is inaccessible.\n`);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ENOENT" || code === "ENOTDIR") return textAnswer(404, "");
    return textAnswer(500, `${error instanceof Error ? error.message : error}\n`);
  }
}

type Look = (file: string, path: string, query: URLSearchParams) => Answer;

const LOOKS: ReadonlyMap<string, Look> = new Map<string, Look>([
  ["/files/browse", browse],
  ["/files/read", (file, _path, query) => read(file, query)],
  ["/files/download", (file) => download(file)],
]);

/** The file that a path means, with all links followed, and whether it lies in what is attached. */
function resolve(attached: Attached, path: string): { file: string; inside: boolean } | undefined {
  for (let end = path.length; end > 0; end = path.lastIndexOf("/", end - 1)) {
    const root = attached.get(path.slice(0, end));
    if (root === undefined) continue;
    const [realRoot, file] = [realpathSync(root), realpathSync(join(root, path.slice(end)))];
    return { file, inside: file === realRoot || file.startsWith(realRoot + sep) };
  }
  return undefined;
}

function browse(file: string, path: string): Answer {
  if (!statSync(file).isDirectory()) return jsonAnswer("[]");
  const [users, groups] = [namesOf("/etc/passwd"), namesOf("/etc/group")];
  const entries = readdirSync(file)
    .sort()
    .flatMap((name) => {
      const stat = statSync(join(file, name), { throwIfNoEntry: false });
      if (!stat) return [];
      const { mode, nlink, size, uid, gid } = stat;
      return {
        gid: groups.get(gid) ?? String(gid),
        mode: modeText(mode, stat.isDirectory()),
        mtime: Math.floor(stat.mtimeMs / 1000),
        nlink,
        path: join(path, name),
        size,
        uid: users.get(uid) ?? String(uid),
      };
    });
  return jsonAnswer(JSON.stringify(entries));
}

/** Without an offset only how long the file is. */
function read(file: string, query: URLSearchParams): Answer {
  const numbers = new Map<string, number>();
  for (const name of ["offset", "length"]) {
    const text = query.get(name) ?? "-1";
    if (!/^-?\d{1,15}$/.test(text)) {
      return textAnswer(400, `Failed to parse ${name}: Failed to convert '${text}' to number.\n`);
    }
    if (Number(text) < -1) return textAnswer(400, `Negative ${name} provided: ${text}.\n`);
    numbers.set(name, Number(text));
  }
  const [offset = -1, length = -1] = numbers.values();
  const stat = statSync(file);
  if (stat.isDirectory()) return textAnswer(400, "Cannot read a directory.\n");
  if (offset === -1) return bytesAnswer(stat.size, Buffer.alloc(0));
  if (offset >= stat.size) return bytesAnswer(offset, Buffer.alloc(0));
  const wanted = Math.min(length === -1 ? stat.size - offset : length, MAX_READ_BYTES);
  const data = Buffer.alloc(wanted);
  const descriptor = openSync(file, "r");
  try {
    return bytesAnswer(offset, data.subarray(0, readSync(descriptor, data, 0, wanted, offset)));
  } finally {
    closeSync(descriptor);
  }
}

/** The bytes as they are, whatever they are the text of. */
function bytesAnswer(offset: number, data: Buffer): Answer {
  const text = JSON.stringify({ data: data.toString("latin1"), offset });
  return { ...jsonAnswer(""), body: Buffer.from(text, "latin1") };
}

function download(file: string): Answer {
  const stat = statSync(file);
  if (stat.isDirectory()) return textAnswer(400, "Cannot download a directory.\n");
  // A pipe would be waited for.
  if (!stat.isFile()) return textAnswer(404, "");
  const headers = {
    "Content-Type": "application/octet-stream",
    "Content-Disposition": `attachment; filename=${encodeURIComponent(basename(file))}`,
  };
  return { status: 200, headers, stream: (response) => pipeline(createReadStream(file), response, () => {}) };
}

/** The names of users or groups by their numbers. */
function namesOf(file: string): Map<number, string> {
  let text = "";
  try {
    text = readFileSync(file, "utf8");
  } catch {
    // Numbers then.
  }
  return new Map(text.split("\n").map((line) => [Number(line.split(":")[2]), line.split(":")[0] ?? ""]));
}

/** As `ls -l` shows it. */
function modeText(mode: number, isDirectory: boolean): string {
  const bits = [..."rwxrwxrwx"].map((letter, index) => ((mode >> (8 - index)) & 1 ? letter : "-"));
  return (isDirectory ? "d" : "-") + bits.join("");
}
