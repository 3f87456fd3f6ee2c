// The table of reasons as people read it: two tables in docs/errors.md, between marks.
const ACTORS = { program: "the program", author: "its author", operator: "the operator" };
const RETRIES = { never: "no", later: "later", attached: "once attached" };
const COLUMNS = ["reason", "status", "try again", "what happened", "what to do", "who"];

/** A page with its tables made anew: `<!-- reasons of bridge -->` and `<!-- end of reasons -->` are around each. */
export function withTables(page, reasons) {
  return ["bridge", "clients"].reduce((text, giver) => {
    const [begin, end] = [`<!-- reasons of ${giver} -->`, "<!-- end of reasons -->"];
    const start = text.indexOf(begin);
    const stop = text.indexOf(end, start);
    if (start < 0 || stop < 0) throw new Error(`docs/errors.md has no ${begin} with ${end} behind it`);
    const table = tableOf(reasons.filter(({ givenBy }) => givenBy === giver));
    return `${text.slice(0, start + begin.length)}\n\n${table}\n${text.slice(stop)}`;
  }, page);
}

function tableOf(reasons) {
  const rows = [COLUMNS, ...reasons.map(cellsOf)];
  const widths = COLUMNS.map((_, i) => Math.max(...rows.map((row) => row[i].length)));
  const line = (cells) => `| ${cells.map((cell, i) => cell.padEnd(widths[i])).join(" | ")} |\n`;
  const rule = `| ${widths.map((width) => "-".repeat(width)).join(" | ")} |\n`;
  return line(COLUMNS) + rule + rows.slice(1).map(line).join("");
}

function cellsOf({ name, status, streamStatus, retry, happened, advice, actor }) {
  const both = streamStatus === undefined ? status : `${status}; the stream ends ${streamStatus}`;
  return [`\`${name}\``, both, RETRIES[retry], happened, advice, ACTORS[actor]];
}
