import type { Instance } from "./case.js";

/** How the cases went: language, then case, then whether all its instances passed. */
export type Results = ReadonlyMap<string, ReadonlyMap<string, boolean>>;

const TITLES: Record<string, string> = {
  "1-attach.json": "Attaching",
  "2-events.json": "Events",
  "3-acknowledge.json": "Acknowledgements",
  "4-resume.json": "Broken streams",
  "4a-addresses.json": "Several addresses",
  "4b-access.json": "TLS and tokens",
  "4c-strangers.json": "Addresses that are not a bridge",
  "5-errors.json": "Errors",
  "6-calls.json": "Calls",
  "7-values.json": "Values",
  "8-sizes.json": "Sizes",
  "9-bridge.json": "With the real bridge, on a Mesos",
};

/** The page that says which client passes which case. */
export function matrixPage(instances: readonly Instance[], results: Results): string {
  const languages = [...results.keys()];
  const files = [...new Set(instances.map(({ file }) => file))];
  const sections = files.map((file) => {
    const names = [...new Set(instances.filter((one) => one.file === file).map(({ name }) => name))];
    const rows = names.map((name) => [name, ...languages.map((language) => cell(results.get(language)?.get(name)))]);
    return [`## ${TITLES[file] ?? file}`, "", ...table(["", ...languages], rows)].join("\n");
  });
  return `${INTRODUCTION}\n${sections.join("\n\n")}\n`;
}

/** What such a page says. */
export function readResults(page: string): Results {
  const rows = page
    .split("\n")
    .filter((line) => line.startsWith("| "))
    .map((line) =>
      line
        .split("|")
        .slice(1, -1)
        .map((text) => text.trim()),
    );
  const head = rows.find(([first]) => first === "") ?? [];
  const cases = rows.filter(([first = ""]) => !/^-*$/.test(first));
  return new Map(
    head.slice(1).map((language, i) => {
      const known = cases.filter((row) => row[i + 1] === cell(true) || row[i + 1] === cell(false));
      return [language, new Map(known.map((row) => [row[0] ?? "", row[i + 1] === cell(true)]))];
    }),
  );
}

/** A table as the formatter leaves it. */
function table(head: string[], rows: string[][]): string[] {
  const widths = head.map((title, column) => Math.max(3, title.length, ...rows.map((row) => row[column]?.length ?? 0)));
  const line = (cells: string[]) => `| ${cells.map((text, i) => text.padEnd(widths[i] ?? 0)).join(" | ")} |`;
  return [line(head), line(widths.map((width) => "-".repeat(width))), ...rows.map(line)];
}

const INTRODUCTION = `# What each client does

Every client library runs the same cases, which are data in \`test/conformance/cases\`. Most of them use a bridge that
misbehaves as the case says; the last ones use the real bridge on a Mesos. \`CONFORMANCE_WRITE=1 npm test -- conformance\`
writes this page, and a test checks that it is current. To add a language:
[test/conformance/README.md](../test/conformance/README.md).
`;

function cell(passed: boolean | undefined): string {
  if (passed === undefined) return "not run";
  return passed ? "yes" : "**no**";
}
