import { existsSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
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
 * @param from the folder whose node_modules are asked first
 * @throws Error when a package is not installed
 */
export function runtimePackages(name: string, from: string): RuntimePackage[] {
  const found = new Map<string, string>();
  const visit = (wanted: string, parent: { folder: string; target: string }, optional: boolean) => {
    const folder = installedFolder(wanted, parent.folder);
    if (!folder) {
      if (optional) return;
      throw new Error(`${wanted} is not installed, and ${parent.folder} needs it: run npm ci`);
    }
    const manifest = Manifest.parse(JSON.parse(readFileSync(join(folder, "package.json"), "utf8")));
    if (optional && !fitsPlatform(manifest)) return;
    // Packages lie side by side; only a second version of one goes below the package that wants it.
    const shared = `node_modules/${wanted}`;
    const taken = found.get(shared);
    const target = taken === undefined || taken === folder ? shared : `${parent.target}/${shared}`;
    if (found.get(target) === folder) return;
    found.set(target, folder);
    const self = { folder, target };
    for (const dependency of Object.keys(manifest.dependencies).sort()) {
      if (!(dependency in manifest.optionalDependencies)) visit(dependency, self, false);
    }
    for (const dependency of Object.keys(manifest.optionalDependencies).sort()) visit(dependency, self, true);
  };
  visit(name, { folder: from, target: "." }, false);
  return [...found].map(([target, folder]) => ({ folder, target }));
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
