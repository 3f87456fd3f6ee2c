// Finds English that reads as translated: the commonest mistakes as patterns, and lines of prose that are too long.
// `node scripts/plain-english.mjs` prints what it finds; npm run check does the same.
import { readFileSync } from "node:fs";
import { at, filesUnder, isMain } from "./lib.mjs";

/** What is checked: files, and folders with everything below them. Add a folder once its texts are clean. */
export const CHECKED = [
  "README.md",
  "CONTRIBUTING.md",
  "CHANGELOG.md",
  "bench",
  "deploy",
  "docs",
  "proto/mesosbridge",
  "clients",
  "embedded",
  "executor",
  "server",
  "test/conformance/README.md",
  "test/real-mesos/README.md",
];

/** Installed, built or generated. */
const SKIPPED = /(?:^|\/)(?:node_modules|target|build|dist|\.venv|gen)\/|\.pb\.go$/;
const LONGEST_LINE = 120;

/** Each: what is wrong, what to write, and an example in the test. A space stands for any white space, also a new line. */
const MISTAKES = [
  [
    /(?<!\bthere )\b(?:is|are|was|were) no (?!longer\b|more\b|less\b|one\b|doubt\b|\w+er than\b)[a-z]/gi,
    'write "is not a ..."',
  ],
  [/(?:^|[.:;!?] )Who [a-z]+s\b(?![^.]*\?)/g, 'write "A client that ..."'],
  [
    /\b(?:client|bridge|program|process|server|agent|master|scheduler|observer|framework|executor|task)s? who\b/gi,
    'things take "that", not "who"',
  ],
  [/\ban own\b/gi, 'write "its own" or "your own"'],
  [/\ba line each\b|\ban? [a-z]+ each(?=[.,;:)]|$)/gi, 'write "one ... per ..."'],
  [/[,(] ?as (?:`[^`]*`|'[^']*'|"[^"]*")(?! (?:do|does|is|are|was|has|have|says?|would)\b)/g, 'write "such as ..."'],
  [/\bmend(?:s|ed|ing)?\b/gi, 'write "fix" or "correct"'],
  [/\bt(?:ake|akes|ook|aken) (?:away )?nothing from\b/gi, 'write "does not affect"'],
  [/(?:^|[.;!?] )Also[ ,]/g, 'do not begin a sentence with "Also"'],
  [/\balso (?:when|if|where|while|after|before|with|without)\b/g, 'write "even when", "even if"'],
  [/\ball the same\b/gi, 'write "still" or "anyway"'],
  [/\btells? (?:of|whether|that|how|which|what|where|why)\b/gi, 'write "says" or "reports"'],
  [/\b(?:goes|go|went) on\b(?! and on)/g, 'write "continues"'],
  [/\bwithout a word\b/gi, 'write "silently"'],
  [/\bwh(?:ich|om|at) nobody\b/gi, 'write "that no one ..."'],
  [/\ball of it are\b/gi, 'write "all of them are"'],
  [/\bshall\b/g, 'write "must" or "will"'],
  [/\b(?:can(?:'t|not)?|to) be had\b/gi, 'write "available" or "installed"'],
].map(([pattern, advice]) => [new RegExp(pattern.source.replaceAll(" ", " +"), `${pattern.flags}m`), advice]);

/** What is wrong with the checked files, one line for each mistake. */
export function plainEnglishProblems() {
  const isText = (name) => /\.(?:md|proto|ts|mjs|cjs|go|java|rs|cc)$/.test(name);
  const files = CHECKED.flatMap((path) => (isText(path) ? [path] : filesUnder(path, isText)));
  return files
    .filter((file) => !SKIPPED.test(file))
    .flatMap((file) => problemsOf(file, readFileSync(at(file), "utf8")).map((problem) => `${file}:${problem}`));
}

/**
 * What is wrong with a text.
 *
 * @param file its name, which says what of it is prose: a Markdown page but for its code, or the comments and strings
 *   of anything else
 * @returns `line: what is wrong`, in the order of the lines
 */
export function problemsOf(file, text) {
  const prose = file.endsWith(".md") ? markdownProse(text) : commentsAndStrings(text);
  const lineOf = (index) => text.slice(0, index).split("\n").length;
  const mistakes = MISTAKES.flatMap(([pattern, advice]) =>
    [...prose.matchAll(pattern)].map(({ index, 0: found }) => [lineOf(index), `"${shown(found)}": ${advice}`]),
  );
  const long = file.endsWith(".md") ? longLines(text) : [];
  return [...mistakes, ...long].sort(([a], [b]) => a - b).map(([line, problem]) => `${line}: ${problem}`);
}

/** A match without the end of the sentence before it, on one line. */
const shown = (found) =>
  found
    .replace(/^[.:;!?] +/, "")
    .replace(/\s+/g, " ")
    .trim();

const blank = (text) => text.replace(/[^\n]/g, " ");

/** A page with its code and the content of `code` left blank, and lines of one paragraph joined. Indices stay. */
function markdownProse(text) {
  return text
    .replace(/^```.*?^```/gms, blank)
    .replace(/^ {4}.*$/gm, blank)
    .replace(/`[^`\n]*`/g, (code) => `\`${"x".repeat(code.length - 2)}\``)
    .replace(/(?<=\S)\n {0,3}(?=[^\s|#>-])/g, (gap) => " ".repeat(gap.length));
}

/** The comments and strings of a source, with everything else blank, and the lines of a comment joined. */
function commentsAndStrings(text) {
  const parts =
    /\/\*.*?\*\/|\/\/[^\n]*(?:\n\s*\/\/[^\n]*)*|"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'|`(?:[^`\\]|\\.)*`/gs;
  let prose = "";
  let end = 0;
  for (const { 0: part, index } of text.matchAll(parts)) {
    prose += blank(text.slice(end, index)) + joined(part);
    end = index + part.length;
  }
  return prose + blank(text.slice(end));
}

function joined(part) {
  if (part[0] !== "/") return part.replace(/^["'`]|["'`]$/g, "\n");
  return part.replace(/^\/[/*]+/, blank).replace(/\n\s*(?:\/\/+|\*+\/?)?/g, (gap) => " ".repeat(gap.length));
}

/** Lines of prose that are too long; tables, code, and lines that can't be broken are not prose. */
function longLines(text) {
  const lines = text.replace(/^```.*?^```/gms, blank).split("\n");
  return lines.flatMap((line, i) => {
    const isProse = !/^(?:\||#| {4})/.test(line) && /\S\s+\S/.test(line.replace(/^\s*[-*] /, ""));
    return isProse && [...line].length > LONGEST_LINE
      ? [[i + 1, `a line of ${[...line].length} characters: wrap it`]]
      : [];
  });
}

if (isMain(import.meta.url)) {
  const problems = plainEnglishProblems();
  for (const problem of problems) console.log(problem);
  process.exitCode = problems.length > 0 ? 1 : 0;
}
