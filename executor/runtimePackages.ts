import { existsSync, readFileSync } from "node:fs";
import { join, relative, resolve, sep } from "node:path";
import { z } from "zod";

const Manifest = z.object({
  dependencies: z.record(z.string(), z.string()).default({}),
  optionalDependencies: z.record(z.string(), z.string()).default({}),
  os: z.array(z.string()).optional(),
  cpu: z.array(z.string()).optional(),
  libc: z.array(z.string()).optional(),
});
type Manifest = z.infer<typeof Manifest>;

/** An installed package, and where it goes in a folder of its own: as `node_modules/@img/colour`. */
export interface RuntimePackage {
  folder: string;
  target: string;
}

/**
 * Finds a package and all that it needs at run time on this platform, as Node would find them. Of the optional
 * packages those count that are installed and made for this operating system, processor and C library.
 *
 * They keep their places relative to one another, since these decide which version each of them gets.
 *
 * @param from the folder whose node_modules are asked first
 * @throws Error when a package is not installed
 */
export function runtimePackages(name: string, from: string): RuntimePackage[] {
  const found = new Map<string, string>();
  const first = find(name, from, false);
  if (!first) return [];
  const base = resolve(first.folder, "../".repeat(name.split("/").length + 1));
  const visit = (wanted: string, { folder, manifest }: Installed) => {
    // A package from further out, where the bridge itself is a dependency, moves in beside the others.
    const target = folder.startsWith(base + sep)
      ? relative(base, folder).split(sep).join("/")
      : `node_modules/${wanted}`;
    const taken = found.get(target);
    if (taken === folder) return;
    if (taken !== undefined)
      throw new Error(`${taken} and ${folder} would have to lie at the same place: run npm dedupe`);
    found.set(target, folder);
    for (const dependency of Object.keys({ ...manifest.dependencies, ...manifest.optionalDependencies }).sort()) {
      const installed = find(dependency, folder, dependency in manifest.optionalDependencies);
      if (installed) visit(dependency, installed);
    }
  };
  visit(name, first);
  return [...found].map(([target, folder]) => ({ folder, target }));
}

interface Installed {
  folder: string;
  manifest: Manifest;
}

/** Undefined for an optional package that is not there, or not for this platform. */
function find(name: string, from: string, optional: boolean): Installed | undefined {
  const folder = installedFolder(name, from);
  if (!folder) {
    if (optional) return undefined;
    throw new Error(`${name} is not installed, and ${from} needs it: run npm ci`);
  }
  const manifest = Manifest.parse(JSON.parse(readFileSync(join(folder, "package.json"), "utf8")));
  return optional && !fitsPlatform(manifest) ? undefined : { folder, manifest };
}

function installedFolder(name: string, from: string): string | undefined {
  for (let folder = from; ; folder = resolve(folder, "..")) {
    const candidate = join(folder, "node_modules", name);
    if (existsSync(join(candidate, "package.json"))) return candidate;
    if (folder === resolve(folder, "..")) return undefined;
  }
}

function fitsPlatform({ os, cpu, libc }: Manifest): boolean {
  const fits = (list: string[] | undefined, value: string) => list === undefined || list.includes(value);
  return (
    fits(os, process.platform) &&
    fits(cpu, process.arch) &&
    (process.platform !== "linux" || fits(libc, libcOfThisProcess()))
  );
}

function libcOfThisProcess(): string {
  const report = process.report?.getReport() as { header?: { glibcVersionRuntime?: string } } | undefined;
  return report?.header?.glibcVersionRuntime ? "glibc" : "musl";
}
