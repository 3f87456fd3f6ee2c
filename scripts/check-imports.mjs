// Holds the direction of imports: grpc -> session -> link -> messages, never back; clients and executors know nothing of
// the server; no modules and no folders that import each other in a circle, be it for types alone. What may import what is
// the table below.
import { existsSync, readFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { at, filesUnder, isMain, root } from "./lib.mjs";

/**
 * For each area of the code: the areas (or single modules) that it may import beside itself, and the packages that
 * it must not know. Areas are told apart by the longest prefix of the path.
 */
const areas = {
  "wire/": { may: [] },
  "server/log": { may: ["wire/"] },
  // Bytes in, bytes out.
  "server/mesos/messages/": { may: ["gen/", "wire/"], not: ["@grpc/", "nice-grpc", "undici", "node:"] },
  // How the bridge speaks TLS with masters and ZooKeeper.
  // Files that options name, which may change at any time.
  "server/files/": { may: ["wire/", "server/log"], not: ["@grpc/", "nice-grpc", "undici"] },
  "server/mesos/tls/": { may: ["wire/", "server/log", "server/files/"], not: ["@grpc/", "nice-grpc", "undici"] },
  "server/mesos/detect/": { may: ["wire/", "server/log", "server/mesos/tls/"], not: ["@grpc/", "nice-grpc", "undici"] },
  "server/mesos/link/": {
    may: ["gen/", "wire/", "server/log", "server/mesos/messages/", "server/mesos/detect/", "server/mesos/tls/"],
    not: ["@grpc/", "nice-grpc"],
  },
  "server/session/": {
    // Of a link only what it is and what it tells, in words: not what an answer over HTTP means.
    may: [
      "gen/",
      "wire/",
      "server/log",
      "server/mesos/messages/",
      "server/mesos/link/frameworkLink",
      "server/mesos/link/callOutcome",
      "server/validation/violations",
    ],
    not: ["@grpc/", "nice-grpc", "undici", "node:http", "lmdb"],
  },
  // A store implements what sessions ask for, so it looks at them; they know none of its packages.
  "server/store/": {
    may: ["gen/", "wire/", "server/log", "server/session/"],
    not: ["@grpc/", "nice-grpc", "undici", "node:http"],
  },
  "server/validation/": {
    may: ["gen/", "wire/", "server/mesos/messages/"],
    not: ["@grpc/", "nice-grpc", "undici", "node:http", "lmdb"],
  },
  // Who is calling, and what they may do: edges ask it, and it knows none of them.
  "server/access/": {
    may: ["gen/", "wire/", "server/log", "server/files/", "server/session/", "server/mesos/messages/"],
    not: ["@grpc/", "nice-grpc", "node:http", "lmdb"],
  },
  "server/grpc/": {
    may: ["gen/", "wire/", "server/log", "server/session/", "server/access/", "server/mesos/messages/"],
    not: ["undici", "node:http", "lmdb"],
  },
  // What probes and scrapers read. It listens as the gRPC server does, and knows nothing else of it.
  "server/http/": {
    may: ["wire/", "server/log", "server/grpc/connections/listener", "server/grpc/connections/listenAddress"],
    not: ["@grpc/", "nice-grpc", "undici", "lmdb"],
  },
  // What becomes of calls, as spans. Sessions know of it only what server/session/tracing says.
  "server/traces/": {
    may: ["gen/", "wire/", "server/log", "server/session/", "server/mesos/messages/", "server/mesos/link/callOutcome"],
    not: ["@grpc/", "nice-grpc", "undici", "lmdb"],
  },
  // What is counted elsewhere, as series: those that count know nothing of it.
  "server/metrics/": {
    may: [
      "gen/",
      "wire/",
      "server/session/",
      "server/store/storeCounts",
      "server/mesos/link/attemptCounts",
      "server/grpc/callCounts",
      "server/grpc/refusalCounts",
    ],
    not: ["nice-grpc", "undici", "lmdb", "node:http"],
  },
  // The commands put the others together.
  "server/cli/": { may: ["gen/", "wire/", "server/", "embedded/"] },
  "server/main": { may: ["server/cli/"] },
  // A Mesos for development: it knows nothing of the bridge. Its executor of command tasks is built on the library.
  "embedded/": { may: ["gen/", "wire/", "executor/library/"], not: ["@grpc/", "nice-grpc", "undici"] },
  "executor/library/": { may: ["gen/", "wire/"], not: ["@grpc/", "nice-grpc"] },
  "executor/": { may: ["gen/", "wire/", "executor/library/"], not: ["@grpc/", "nice-grpc"] },
  "clients/typescript/": { may: ["gen/", "wire/", "executor/inverter/job", "executor/archive"] },
};
/** Folders of which every module is in an area. */
const roots = ["wire/", "server/", "embedded/", "executor/", "clients/typescript/"];
const names = Object.keys(areas).sort((a, b) => b.length - a.length);

const IMPORT =
  /(?:^|[\s;}])(?:import|export)\s(?:type\s)?(?:[^"';]*?\sfrom\s*)?["']([^"']+)["']|\bimport\(\s*["']([^"']+)["']/g;

/** What a file imports, as it is written there, be it for types alone. */
function importsOf(file) {
  const text = readFileSync(at(file), "utf8").replace(/^\s*(\/\/|\*|\/\*).*$/gm, "");
  return [...text.matchAll(IMPORT)].map(([, named, dynamic]) => named ?? dynamic);
}

/** The file of the checkout that a relative import means. */
function resolve(file, specifier) {
  const path = relative(root, join(dirname(at(file)), specifier));
  const source = path.replace(/\.js$/, ".ts");
  return existsSync(at(source)) ? source : path;
}

/** What is wrong with one import, or undefined. */
function fault(file, specifier) {
  const area = areaOf(file);
  if (area === undefined) return undefined;
  if (!specifier.startsWith(".")) {
    const known = areas[area].not?.find(
      (name) => specifier === name || specifier.startsWith(/[/:]$/.test(name) ? name : `${name}/`),
    );
    return known && `${file} imports ${specifier}: ${area} must not know that package`;
  }
  const target = resolve(file, specifier);
  if (areaOf(target) === area) return undefined;
  if (areas[area].may.some((allowed) => target.startsWith(allowed))) return undefined;
  return `${file} imports ${target}: ${area} may import only ${["itself", ...areas[area].may].join(", ")}`;
}

/** Who imports whom: the modules, or, with `place`, what they lie in. Types count, since they are known all the same. */
function graph(files, place) {
  const edges = new Map();
  for (const file of files) {
    for (const specifier of importsOf(file)) {
      if (!specifier.startsWith(".")) continue;
      const target = resolve(file, specifier);
      const [from, to] = [place(file), place(target)];
      if (from === to || !areaOf(target) || within(from, to) || within(to, from)) continue;
      edges.set(from, (edges.get(from) ?? new Set()).add(to));
    }
  }
  return edges;
}

/** Circles of imports, each as the list of its members. */
function circles(edges) {
  const found = new Map();
  for (const start of edges.keys()) {
    const path = pathBack(edges, start);
    if (path) found.set([...path].sort().join(), path);
  }
  return [...found.values()];
}

const areaOf = (file) => names.find((name) => file.startsWith(name));

/** True for a folder and what lies in it: they are one thing, and its modules are looked at one by one. */
const within = (outer, inner) => inner.startsWith(`${outer}/`);

/** The shortest way from a folder back to itself, or undefined. */
function pathBack(edges, start) {
  const cameFrom = new Map();
  const queue = [start];
  for (let folder = queue.shift(); folder !== undefined; folder = queue.shift()) {
    for (const next of edges.get(folder) ?? []) {
      if (next === start) return unwind(cameFrom, start, folder);
      if (cameFrom.has(next)) continue;
      cameFrom.set(next, folder);
      queue.push(next);
    }
  }
  return undefined;
}

function unwind(cameFrom, start, end) {
  const path = [end];
  while (path[0] !== start) path.unshift(cameFrom.get(path[0]));
  return path;
}

/** All violations, one line each; empty when the imports are right. */
export function checkImports() {
  const files = roots.flatMap((folder) => filesUnder(folder, (file) => /\.ts$/.test(file)));
  const homeless = files.filter((file) => areaOf(file) === undefined);
  const unknown = homeless.map((file) => `${file} is in no area: give its folder a row in scripts/check-imports.mjs`);
  const faults = files.flatMap((file) => importsOf(file).map((specifier) => fault(file, specifier)));
  const loops = [...circles(graph(files, (file) => file)), ...circles(graph(files, dirname))];
  const circular = loops.map((path) => `a circle of imports: ${[...path, path[0]].join(" -> ")}`);
  return [...unknown, ...faults.filter((line) => line !== undefined), ...circular];
}

if (isMain(import.meta.url)) {
  const violations = checkImports();
  for (const line of violations) console.error(line);
  process.exitCode = violations.length > 0 ? 1 : 0;
}
