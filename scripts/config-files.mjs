// The files that follow from the options of serve: `node scripts/config-files.mjs` writes them. Their source is
// server/cli/serveOptions.ts.
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { build } from "esbuild";
import { at, isMain, readIfThere } from "./lib.mjs";

const WIDTH = 100;
const BEGIN = "<!-- options: made by scripts/config-files.mjs -->";
const END = "<!-- end of options -->";
/** What the example sets. The rest are comments with the defaults. */
const EXAMPLE = { master: "zk://zk1:2181,zk2:2181,zk3:2181/mesos", "data-dir": "/var/lib/mesos-bridge" };

const files = {
  "deploy/mesos-bridge.schema.json": ({ schema }) => `${onOneLine(JSON.stringify(schema, null, 2))}\n`,
  "deploy/mesos-bridge.toml": exampleOf,
  "docs/configuration.md": ({ options }, page = "") => {
    const [head] = page.split(BEGIN);
    const [, tail] = page.split(END);
    if (tail === undefined) throw new Error(`docs/configuration.md has no '${BEGIN}' before '${END}'`);
    return `${head}${BEGIN}\n\n${tableOf(options)}\n${END}${tail}`;
  },
};

/** The table of options, from the sources as they are now. */
async function readOptions() {
  const folder = mkdtempSync(join(tmpdir(), "mesos-bridge-config-"));
  const contents = `import { configSchema } from "./server/cli/configSchema.ts";
    import { keyOf, variableOf } from "./server/cli/options.ts";
    import { SERVE_OPTIONS } from "./server/cli/serveOptions.ts";
    import { RELOADED } from "./server/cli/reloadable.ts";
    export const schema = configSchema(SERVE_OPTIONS);
    export const options = Object.entries(SERVE_OPTIONS).map(([name, option]) => ({
      ...option, key: keyOf(name), variable: variableOf(name, option), isReloaded: RELOADED.includes(name) }));`;
  try {
    const outfile = join(folder, "options.cjs");
    const stdin = { contents, resolveDir: at(), loader: "ts" };
    await build({ stdin, outfile, bundle: true, platform: "node", format: "cjs", logLevel: "silent" });
    return createRequire(import.meta.url)(outfile);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** With lists of texts on one line each, as the formatter has them. */
const onOneLine = (json) =>
  json.replace(/\[\n\s+("[^"\n]*"(?:,\n\s+"[^"\n]*")*)\n\s+\]/g, (_, list) => `[${list.replace(/,\n\s+/g, ", ")}]`);

function exampleOf({ options }) {
  const head = [
    "#:schema ./mesos-bridge.schema.json",
    "",
    "# The configuration of 'mesos-bridge serve --config FILE', with all keys: docs/configuration.md.",
    "# A comment without a space after its # is a key with its default, or with an example.",
  ];
  const keys = options.flatMap(({ key, help, default: preset, schema, read }) => {
    const set = EXAMPLE[key];
    const value = set ?? preset;
    const text = !read ? "false" : schema.type === "integer" ? value : JSON.stringify(value ?? "...");
    return ["", ...wrapped(help), `${set === undefined ? "#" : ""}${key} = ${text}`];
  });
  return `${[...head, ...keys].join("\n")}\n`;
}

/** A text as lines of a comment. */
function wrapped(text) {
  const lines = [""];
  for (const word of text.split(" ")) {
    if (`${lines.at(-1)} ${word}`.length > WIDTH) lines.push("");
    lines.push(`${lines.pop()} ${word}`);
  }
  return lines.map((line) => `#${line}`);
}

function tableOf(options) {
  const code = (text) => (text === undefined ? "" : `\`${text}\``);
  const rows = options.map(({ key, variable, default: preset, required, isReloaded, help, read }) => [
    code(key),
    code(variable),
    required ? "required" : code(read ? preset : "false"),
    isReloaded ? "SIGHUP" : "restart",
    help.replaceAll("|", "\\|"),
  ]);
  const all = [["key", "variable", "default", "takes effect", "what"], ...rows];
  const widths = all[0].map((_, column) => Math.max(...all.map((row) => row[column].length)));
  const line = (row, fill = " ") => `| ${row.map((cell, column) => cell.padEnd(widths[column], fill)).join(" | ")} |\n`;
  return [line(all[0]), line(["", "", "", "", ""], "-"), ...rows.map((row) => line(row))].join("");
}

/** The files that are not as the options say, with what they should be. */
export async function outdatedConfigFiles() {
  const source = await readOptions();
  return Object.entries(files)
    .map(([file, make]) => ({ file, text: make(source, readIfThere(file)) }))
    .filter(({ file, text }) => readIfThere(file) !== text);
}

if (isMain(import.meta.url)) {
  try {
    for (const { file, text } of await outdatedConfigFiles()) {
      writeFileSync(at(file), text);
      console.error(`${file} written`);
    }
  } catch (error) {
    console.error(`config-files: ${error.message}`);
    process.exitCode = 1;
  }
}
