// Which functions of the product do tests call? Runs tests as `npm test` does, then prints a line for each folder, and
// with --list the functions that nothing calls. It never fails by what it finds, only where tests fail.
//
//   npm run test:coverage                        all suites
//   npm run test:coverage -- unit system --list  what `npm test -- unit system` runs
//
// A program that a test kills with SIGKILL, as a crash does, can't tell what it has called.
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { at, filesUnder, isMain, node, root } from "./lib.mjs";

const FOLDERS = ["server", "embedded", "wire", "executor", "clients/typescript"];

/** Of each source file, how often its named functions were called. */
class Calls {
  /** By file, then by name and place among those of the same name. */
  #files = new Map();

  constructor() {
    for (const file of FOLDERS.flatMap((folder) => filesUnder(folder, (name) => name.endsWith(".ts")))) {
      this.#files.set(file, new Map());
    }
  }

  /** Adds what one process has noted. */
  add({ result }) {
    for (const { url, functions } of result) {
      const calls = this.#files.get(sourceOf(url));
      if (calls !== undefined) addFunctions(calls, functions);
    }
  }

  /** `{ folder, called, all }` of each folder. */
  folders() {
    const sums = new Map();
    for (const [file, calls] of this.#files) {
      const sum = sums.get(dirname(file)) ?? { folder: dirname(file), called: 0, all: 0 };
      sum.all += calls.size;
      sum.called += [...calls.values()].filter((count) => count > 0).length;
      sums.set(sum.folder, sum);
    }
    return [...sums.values()].filter(({ all }) => all > 0).sort((a, b) => (a.folder < b.folder ? -1 : 1));
  }

  /** Functions that nothing calls, of files that something loads: `npm run check` finds files that nothing imports. */
  uncalled() {
    return [...this.#files].flatMap(([file, calls]) => {
      const names = [...calls].filter(([, count]) => count === 0).map(([name]) => name);
      return names.length === 0 ? [] : [`${file}: ${names.join(", ")}`];
    });
  }
}

/** V8 gives the functions of a script from its beginning to its end; those without a name can't be told apart. */
function addFunctions(calls, functions) {
  const places = new Map();
  for (const { functionName, ranges } of functions) {
    // Beside those of the source there are V8's own, as <instance_members_initializer>, and vite's.
    if (functionName === "" || /^(<|__vi)/.test(functionName)) continue;
    const place = (places.get(functionName) ?? 0) + 1;
    places.set(functionName, place);
    const key = place === 1 ? functionName : `${functionName} (${place})`;
    calls.set(key, (calls.get(key) ?? 0) + (ranges[0]?.count ?? 0));
  }
}

/** The source file of a script, as a path of the checkout: of one that vitest has compiled, or of one in dist/. */
function sourceOf(url) {
  const path = relative(root, url.startsWith("file:") ? fileURLToPath(url) : url);
  return path.replace(/^dist\//, "").replace(/\.js$/, ".ts");
}

function print(calls, list) {
  const lines = calls.folders().map(({ folder, called, all }) => {
    const share = Math.floor((100 * called) / all);
    return `${String(share).padStart(3)} % of ${String(all).padStart(4)} functions  ${folder}`;
  });
  console.log(["", "called by tests:", ...lines].join("\n"));
  if (list) console.log(["", "called by none:", ...calls.uncalled()].join("\n"));
}

async function main(args) {
  const folder = mkdtempSync(join(tmpdir(), "mesos-bridge-coverage-"));
  try {
    const env = { ...process.env, TEST_COVERAGE: folder, NODE_V8_COVERAGE: folder };
    const tests = args.filter((arg) => arg !== "--list");
    const { status } = await node([at("scripts/test.mjs"), ...tests], { env });
    const calls = new Calls();
    for (const file of readdirSync(folder)) calls.add(JSON.parse(readFileSync(join(folder, file), "utf8")));
    print(calls, args.includes("--list"));
    return status;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

if (isMain(import.meta.url)) process.exitCode = await main(process.argv.slice(2));
