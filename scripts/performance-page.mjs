// Writes docs/performance.md and docs/performance.svg from what `npm run bench` has left in bench-results/.
//
//   npm run bench && node scripts/performance-page.mjs
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { at } from "./lib.mjs";

/** The benchmarks in the order of the page, each with what a reader must know about it. */
const benchmarks = {
  relay:
    "Events relayed to one client, compared with a bare grpc-js server stream of prepared buffers to the same client, which does not process events. The client in Node and the counting client in Go only find where each event begins and ends. The other client in Go decodes all events with the generated stubs, as users do.",
  "master-rate":
    "Checks that the benchmarks' own master, which floods prepared events, is not the bottleneck: how fast it sends to a consumer that only counts bytes, compared with what the bridge relays of it.",
  "go-client-rate":
    "Checks that the clients in Go are not the bottleneck either: how fast they read from a server in Go that only sends prepared messages (`bench/go/server`, with as many events per message as the bridge sends), compared with what the bridge relays to them; and their own processor time for that, compared with the bridge's.",
  acknowledgements:
    "From the first byte of an update at the master to its acknowledgement there; 50,000 per run. The client in Go decodes and encodes everything with the generated stubs.",
  spending:
    "What an event costs the bridge besides time: bytes allocated on the heap, not counting those in buffers, and bytes that JavaScript copies from one buffer to another. A relayed event is copied twice: out of the buffer that was read, because the session keeps events longer than that buffer, and into the gRPC frame of the message that carries it to the client.",
  calls:
    "Compared with undici, which calls the same master directly, with 64 calls pipelined. The client in Go encodes and decodes each call with the generated stubs.",
  latency:
    "What the bridge adds: the time through the bridge minus the time directly on Mesos's API, which is the reference. Both use the same master at the same time.",
  offers:
    "From the first byte at the master to the last offer at the client, compared with the same event read directly with undici.",
  "idle-frameworks": "Frameworks that are attached and do nothing for 10 s.",
  "busy-frameworks":
    "Each framework gets 50 status updates per second for 10 s and acknowledges each of them; every round has its own order. Does any framework wait longer than the others?",
  observers:
    "Processor time of the bridge at 5,000 events per second minus the time without observers, per event that reached observers. An event is serialized once for all of them; the rest of the cost per observer is the gRPC library writing a message. An observer that the bridge did not have to end kept up.",
  "stalled-client": "The client of another framework reads nothing. The reference is the busy client alone.",
  "two-processes":
    "Should frameworks be spread over processes behind one port? Two bridges with one framework each, compared with one bridge that has both; master and clients use the same two cores. This is not built in. If you need it, run one bridge per group of frameworks, each with its own port and data directory. One port for all would add another hop to every event.",
  snapshot: "A client that attaches to a session with many open items.",
  start: "Processes are really started and killed.",
  "first-offer":
    "A new framework each time, from the connection on. The reference is SUBSCRIBE on Mesos's own API. The runs alternate.",
  inversion:
    "`invertImage` of the executor, in a separate process, with `sharp.concurrency(1)` and all threads on one core (`taskset`). The reference is `bench/go/invert` on the same core: Go's standard library, a loop over the pixels, JPEG at quality 100 (the bridge's executor keeps the image's quality). The rate refers to processor time. Memory is the peak (VmHWM) minus what the process held before its first image.",
  tasks:
    "A real Mesos 1.11.0 with one agent, from the launch to the last acknowledgement. The executor is already running. The reference is ACCEPT and ACKNOWLEDGE on Mesos's own API, pipelined. The runs alternate.",
  store:
    "What it costs to have something on disk. LevelDB is included if classic-level is installed: docs/adr/0001-append-log.md.",
};

/** Known reasons why a goal was not reached, by the name of the figure. */
const reasons = [
  [
    /PNG, a second of processor/,
    "Deflate takes half of the time, the pixels a fifth, inflate a seventh. The median comes from the first runs, which include compile time: later runs take a fifth less.",
  ],
  [
    /4096 B relayed to one (counting )?client in Go/,
    "For an event of 4096 B the client needs 4.5 us of processor time, or 7.5 us if it decodes the event, and the bridge 11 us. They share two cores with the master. The reference runs without a master.",
  ],
  [
    /empty tasks/,
    "Per task, Mesos needs 5 ms of processor time, the executor 0.9 ms, the client 0.5 ms either way, and the bridge 0.4 to 0.8 ms: for an update that arrives alone, each step is a wake-up, a read and a write. All of them share two cores. On a machine with a spare core for the bridge the difference would not be visible.",
  ],
  [
    /beside a stalled one/,
    "The median varies by a tenth from run to run either way, and a profile shows no cost of the stalled client.",
  ],
];

function read() {
  const files = readdirSync(at("bench-results")).filter((file) => file.endsWith(".json"));
  const results = files.map((file) => JSON.parse(readFileSync(at("bench-results", file), "utf8")));
  const measured = results.filter(({ figures }) => figures.length > 0);
  const found = Object.keys(benchmarks).flatMap((name) => measured.find((result) => result.name === name) ?? []);
  if (found.length === 0) throw new Error("first run: npm run bench");
  return found;
}

/** Names benchmarks without a result, so that nobody mistakes silence for success. */
function notMeasured(results) {
  const missing = Object.keys(benchmarks).filter((name) => !results.some((result) => result.name === name));
  return missing.length === 0 ? "" : `\n**Without a result here**: ${missing.join(", ")}.\n`;
}

/** A paragraph in lines of at most 120 characters, all but the first with an indent. */
function wrapped(text, indent = "") {
  const lines = [];
  let line = "";
  for (const word of text.split(" ")) {
    if (line !== "" && line.length + 1 + word.length > 120) {
      lines.push(line);
      line = indent + word;
    } else {
      line = line === "" ? word : `${line} ${word}`;
    }
  }
  return [...lines, line].join("\n");
}

function number(value) {
  if (value === 0) return "0";
  if (Math.abs(value) >= 100) return Math.round(value).toLocaleString("en");
  return String(Number(value.toPrecision(3)));
}

function range({ median, min, max }) {
  return min === max ? number(median) : `${number(median)} (${number(min)} to ${number(max)})`;
}

/** A table as prettier would write it: columns of equal width. */
function table(rows) {
  const widths = rows[0].map((_, column) => Math.max(3, ...rows.map((row) => row[column].length)));
  const line = (row) => `| ${row.map((cell, column) => cell.padEnd(widths[column])).join(" | ")} |`;
  return [line(rows[0]), line(widths.map((width) => "-".repeat(width))), ...rows.slice(1).map(line)].join("\n");
}

function ratio({ value, reference }) {
  return reference && reference.median !== 0 ? number(value.median / reference.median) : "";
}

function reached({ reach, reached }) {
  return reach === undefined ? ["", ""] : [reach, reached ? "yes" : "**no**"];
}

/** An added latency is not a ratio of its reference. */
const hasRatio = ({ name }) => !name.startsWith("added latency");

function section({ name, date, loadBefore, figures }) {
  const head = ["what", "unit", "median (least to most)", "reference", "ratio", "to be reached", "reached"];
  const rows = figures.map((figure) => [
    figure.name,
    figure.unit,
    range(figure.value),
    figure.reference ? range(figure.reference) : "",
    hasRatio(figure) ? ratio(figure) : "",
    ...reached(figure),
  ]);
  const why = figures
    .filter((figure) => figure.reached === false)
    .map((figure) => {
      const known = reasons.find(([pattern]) => pattern.test(figure.name))?.[1];
      return wrapped(`- Not reached, ${figure.name}: ${known ?? "not examined yet."}`, "  ");
    });
  const load = loadBefore === undefined ? "" : `, load of the machine before it ${loadBefore.toFixed(1)}`;
  const when = date === undefined ? "" : ` Measured ${date.slice(0, 16).replace("T", " ")} UTC${load}.`;
  const parts = [
    `## ${name}`,
    wrapped(`${benchmarks[name]}${when}`),
    `    npm run bench -- ${name}`,
    table([head, ...rows]),
  ];
  return [...parts, ...(why.length > 0 ? [why.join("\n")] : [])].join("\n\n");
}

function grpcGoVersion() {
  return /google\.golang\.org\/grpc v(\S+)/.exec(readFileSync(at("bench/go/go.mod"), "utf8"))?.[1];
}

function page(results) {
  const { machine } = results.findLast(({ machine }) => machine.system !== undefined) ?? results[0];
  const { version, dependencies } = JSON.parse(readFileSync(at("package.json"), "utf8"));
  const packages = ["@grpc/grpc-js", "undici", "sharp"].map((name) => `${name} ${dependencies[name]}`).join(", ");
  const go = machine.go === undefined ? "" : `, Go ${machine.go}, grpc-go ${grpcGoVersion()}`;
  const memory = machine.memoryGb === undefined ? "" : `, ${machine.memoryGb} GB`;
  const system = machine.system === undefined ? "" : `, ${machine.system}`;
  const goals = results.flatMap(({ figures }) => figures).filter(({ reach }) => reach !== undefined);
  // Each benchmark leaves some load behind for the next one, so the quietest decides for the whole run.
  const busy = Math.min(...results.map(({ loadBefore }) => loadBefore ?? Number.POSITIVE_INFINITY)) > machine.cores;
  return `# Performance

Mesos bridge ${version}, Node ${machine.node.slice(1)}, ${packages}${go}.
Machine: ${machine.processor}, ${machine.cores} cores${memory}${system}. All processes of a benchmark share it.

A figure with a spread is the median of 5 runs, with their minimum and maximum; one without was measured once. Each
reference is measured on the same machine right before or after, so ratios say more than rates.

${goals.filter((goal) => goal.reached).length} of the ${goals.length} figures with a goal reach it.
${busy ? `\n**The machine was busy with other work during these measurements** (more processes ready than cores): rates are lower, and\nspreads wider, than on an idle machine.\n` : ""}${notMeasured(results)}
\`npm run bench\` runs all benchmarks, and \`npm run bench -- NAME\` runs one. \`node scripts/performance-page.mjs\` writes
this page from the results. \`npm run bench -- smoke\` runs short versions and checks that figures which do not depend on
time stay within bounds; the tests run it.

Rates as multiples of their references. The line marks 1, faster is to its right, and each doubling has the same width:

![Ratios to the references](performance.svg)

${results.map(section).join("\n\n")}
`;
}

const escaped = (text) => text.replaceAll("&", "&amp;").replaceAll("<", "&lt;");

/** They show that the benchmarks can be trusted, and say nothing about the bridge. */
const proofs = ["master-rate", "go-client-rate"];

/** Rates relative to their references, as bars from the line at 1: faster to the right, each doubling equally wide. */
function chart(results) {
  const bars = results
    .filter(({ name }) => !proofs.includes(name))
    .flatMap(({ figures }) => figures)
    .filter((figure) => figure.unit === "/s" && figure.reference && hasRatio(figure))
    .map(({ name, value, reference }) => ({ name, ratio: value.median / reference.median }));
  const [left, doubling, height] = [620, 44, 24];
  const doublings = bars.map(({ ratio }) => Math.log2(ratio));
  const one = left + Math.max(0, -Math.min(...doublings)) * doubling + 50;
  const width = one + Math.max(0, ...doublings) * doubling + 60;
  const end = bars.length * height + 10;
  const rows = bars.map((bar, i) => {
    const y = i * height + 10;
    const length = Math.abs(doublings[i]) * doubling;
    const faster = bar.ratio >= 1;
    const from = faster ? one : one - length;
    const [at, anchor] = faster ? [one + length + 6, "start"] : [from - 6, "end"];
    return `  <text x="${left - 8}" y="${y + 13}" text-anchor="end">${escaped(bar.name)}</text>
  <rect x="${from.toFixed(1)}" y="${y}" width="${length.toFixed(1)}" height="16" fill="${faster ? "#4078c0" : "#c07840"}"/>
  <text x="${at.toFixed(1)}" y="${y + 13}" text-anchor="${anchor}">${number(bar.ratio)}</text>`;
  });
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${Math.ceil(width)}" height="${end + 10}" font-family="sans-serif" font-size="12">
  <title>Rates as multiples of their references</title>
  <rect width="100%" height="100%" fill="#fff"/>
${rows.join("\n")}
  <line x1="${one.toFixed(1)}" y1="4" x2="${one.toFixed(1)}" y2="${end}" stroke="#c33" stroke-dasharray="4 3"/>
</svg>
`;
}

const results = read();
writeFileSync(at("docs/performance.md"), page(results));
writeFileSync(at("docs/performance.svg"), chart(results));
console.log(`docs/performance.md: ${results.length} benchmarks`);
