import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { chmod, copyFile, mkdir, mkdtemp, rename, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { create } from "tar";
import { type RuntimePackage, runtimePackages } from "./runtimePackages.js";

export interface ExecutorArchive {
  /** The archive on this machine. */
  path: string;
  /** Its name, as it should end the URI: Mesos's fetcher unpacks by it. It changes with the content. */
  fileName: string;
  /** For `CommandInfo.value`, with `shell`. Runs in the sandbox into which the archive was unpacked. */
  command: string;
}

export interface ExecutorArchiveOptions {
  /** Where archives are kept from one run to the next. Default: a folder of this user's under the system's temporary folder. */
  cacheFolder?: string;
}

const COMMAND =
  "command -v node >/dev/null 2>&1 || " +
  '{ echo "inverter: there is no node in PATH ($PATH): agents need Node 20 or newer" >&2; exit 127; }; ' +
  "exec node inverter-start.cjs";

/** Changes when the way of packing does, so that older archives of the same content are not taken. */
const PACKING = "1";
const MTIME = new Date("2000-01-01T00:00:00Z");
/** Sources, type declarations and manuals are useless in a sandbox. */
const LEFT_OUT_FOLDERS: ReadonlySet<string> = new Set(["src", "install", "node_modules"]);
const LEFT_OUT_FILES = /\.(md|map|h|cc|gyp|d\.[cm]?ts)$/i;
const LICENCES = /^(licen[cs]e|notice|copying|third-party)/i;

interface Entry {
  from: string;
  to: string;
  executable: boolean;
}

/**
 * Packs the inverter with all that it needs at run time, so that an agent's host needs nothing but Node 20 or newer in PATH.
 * The archive is for hosts of this machine's platform, and unpacks into the sandbox without a folder around it.
 *
 * The same content gives the same bytes, and is packed once only. About 8 MB.
 *
 * @throws Error that says what to do when the executor was not built, or sharp is not installed for this platform
 */
export async function buildExecutorArchive(options: ExecutorArchiveOptions = {}): Promise<ExecutorArchive> {
  const root = projectRoot();
  const entries = collectEntries(root);
  const folder = options.cacheFolder ?? (await ownTemporaryFolder());
  await mkdir(folder, { recursive: true });
  const fileName = `inverter-executor-${process.platform}-${process.arch}-${fingerprint(entries)}.tar.gz`;
  const path = join(folder, fileName);
  if (!existsSync(path)) await pack(entries, folder, path);
  return { path, fileName, command: COMMAND };
}

/** Sources and compiled files lie at different depths below it. */
function projectRoot(): string {
  for (let folder = dirname(fileURLToPath(import.meta.url)); ; folder = dirname(folder)) {
    const manifest = join(folder, "package.json");
    if (
      existsSync(manifest) &&
      (JSON.parse(readFileSync(manifest, "utf8")) as { name?: string }).name === "mesos-bridge"
    )
      return folder;
    if (folder === dirname(folder))
      throw new Error("the executor's archive can only be built within an installed mesos-bridge");
  }
}

function collectEntries(root: string): Entry[] {
  const programs = ["inverter-executor.mjs", "inverter-start.cjs"].map((name) => {
    const from = join(root, "dist/executor", name);
    if (!existsSync(from)) throw new Error(`${from} is missing: run npm run build`);
    return { from, to: name, executable: false };
  });
  const packages = runtimePackages("sharp", root);
  if (!packages.some(({ target }) => /@img\/sharp-(?!libvips)/.test(target))) {
    throw new Error(
      `sharp is installed without its part for ${process.platform}-${process.arch}: run npm ci with optional packages`,
    );
  }
  const entries = [...programs, ...packages.flatMap(packageEntries)];
  return entries.sort((a, b) => (a.to < b.to ? -1 : 1));
}

function packageEntries({ folder, target }: RuntimePackage): Entry[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((item) => {
    const from = join(folder, item.name);
    const to = `${target}/${item.name}`;
    if (item.isDirectory()) return LEFT_OUT_FOLDERS.has(item.name) ? [] : packageEntries({ folder: from, target: to });
    if (!item.isFile() || (LEFT_OUT_FILES.test(item.name) && !LICENCES.test(item.name))) return [];
    return [{ from, to, executable: /\.(so[.\d]*|node|dylib)$/.test(item.name) }];
  });
}

function fingerprint(entries: Entry[]): string {
  const hash = createHash("sha256").update(PACKING);
  for (const { from, to, executable } of entries) {
    const content = readFileSync(from);
    hash.update(`\0${to}\0${executable}\0${content.length}\0`).update(content);
  }
  return hash.digest("hex").slice(0, 16);
}

async function pack(entries: Entry[], folder: string, path: string): Promise<void> {
  const scratch = await mkdtemp(join(folder, ".packing-"));
  try {
    const tree = join(scratch, "tree");
    for (const { from, to, executable } of entries) {
      const copy = join(tree, to);
      await mkdir(dirname(copy), { recursive: true });
      await copyFile(from, copy);
      await chmod(copy, executable ? 0o755 : 0o644);
    }
    const file = join(scratch, basename(path));
    const files = entries.map(({ to }) => to);
    await create({ file, cwd: tree, gzip: { level: 6 }, portable: true, mtime: MTIME, noDirRecurse: true }, files);
    // Renamed into place: another process that packs the same at this moment does no harm.
    await rename(file, path);
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}

/** A folder in a place where anyone may make folders has to be ours: agents run what is in it. */
async function ownTemporaryFolder(): Promise<string> {
  const user = process.getuid?.();
  const folder = join(tmpdir(), `mesos-bridge-${user ?? "user"}`);
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const { uid, mode } = await stat(folder);
  if (user !== undefined && (uid !== user || (mode & 0o022) !== 0)) {
    throw new Error(
      `${folder} can be written by other users: remove it, or name another folder for the executor's archive`,
    );
  }
  return folder;
}
