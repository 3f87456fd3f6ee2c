import { readFileSync } from "node:fs";
import { at } from "../lib.mjs";

/** The part of package-lock.json that a package of this manifest needs, as a lockfile of its own. */
export function lockOf({ name, version, license, dependencies, bin, engines }) {
  const lock = JSON.parse(readFileSync(at("package-lock.json"), "utf8"));
  const needed = new Set();
  const visit = (from, names) => {
    for (const each of names) {
      const path = installedPath(lock.packages, from, each);
      if (path === undefined || needed.has(path)) continue;
      needed.add(path);
      const { dependencies: own, optionalDependencies: optional } = lock.packages[path];
      visit(path, Object.keys({ ...own, ...optional }));
    }
  };
  visit("", Object.keys(dependencies));
  const used = Object.entries(lock.packages).filter(([path]) => needed.has(path));
  const top = { name, version, license, dependencies, bin, engines };
  return { ...lock, name, version, packages: { "": top, ...Object.fromEntries(used) } };
}

/** Where Node finds a package, from another one: beside it, or further out. */
function installedPath(packages, from, name) {
  for (let folder = from; ; folder = folder.slice(0, Math.max(0, folder.lastIndexOf("/node_modules/")))) {
    const path = folder === "" ? `node_modules/${name}` : `${folder}/node_modules/${name}`;
    if (path in packages) return path;
    if (folder === "") return undefined;
  }
}
