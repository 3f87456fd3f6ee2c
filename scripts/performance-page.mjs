// Writes docs/performance.md and docs/performance.svg from what `npm run bench` has left in bench-results/.
//
//   npm run bench && node scripts/performance-page.mjs
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { at } from "./lib.mjs";

/** In this order; each with what one has to know about it. */
const benchmarks = {
  relay:
    "Events relayed to one client, beside a bare grpc-js server stream of prepared buffers to the same client, which handles no events. The client in Node and the counting one in Go look only where each event begins and ends; the other one in Go has the generated stubs decode them all, as users do.",
  "master-rate":
    "Shows that the benchmarks' own master, which floods prepared events, is not what is measured: its flood to a consumer that only counts bytes, beside what the bridge relays of it.",
  "go-client-rate":
    "Shows that the clients in Go are not what is measured either: what they take from a server in Go that only sends prepared messages (`bench/go/server`, with as many events in a message as the bridge sends), beside what the bridge relays to them; and their own processor time for that beside the bridge's.",
  acknowledgements:
    "From an update's first byte at the master to its acknowledgement there; 50,000 in a run. The client in Go has the generated stubs decode and encode all.",
  spending:
    "What an event costs the bridge apart from time: bytes allocated on the heap, without those in buffers, and bytes that JavaScript copies from one buffer into another. An event that is relayed is copied twice: out of what came in one read, as the session keeps events longer than that, and into the gRPC frame of the message in which it goes to the client.",
  calls:
    "Beside undici straight to the same master, 64 calls pipelined. The client in Go has the generated stubs encode and decode each.",
  latency:
    "What the bridge adds: the time through the bridge less the time straight on Mesos's API, which is the reference. Both share the master and the moment.",
  offers:
    "From the first byte at the master to the last offer at the client, beside the same event read straight with undici.",
  "idle-frameworks": "Frameworks that are attached and do nothing for 10 s.",
  "busy-frameworks":
    "50 status updates a second to each, for 10 s, each acknowledged; every round in an order of its own: does any wait longer than the others?",
  observers:
    "Processor time of the bridge at 5,000 events a second, less that without observers, by what reached the observers. An event is serialized once for all of them; what is left for each is the gRPC library's writing of a message. An observer kept up that the bridge did not have to end.",
  "stalled-client": "Another framework's client reads nothing meanwhile. The reference is the busy client alone.",
  "two-processes":
    "Should frameworks be spread over processes behind one port? What two bridges do together, with a framework each, beside one bridge that has both; master and clients need the same two cores. It is not built in: whoever needs it runs a bridge for each group of frameworks, with a port and a data directory of its own, and has this gain today; one port for all would put another hop before every event.",
  snapshot: "A client that attaches to a session with much open.",
  start: "Processes are started and killed for real.",
  "first-offer":
    "A new framework each time, from the connection on. The reference is SUBSCRIBE on Mesos's own API. The runs take turns.",
  inversion:
    "`invertImage` of the executor, in a process of its own, with `sharp.concurrency(1)` and all threads on one core (`taskset`). The reference is `bench/go/invert`: Go's standard library, a loop over the pixels, JPEG at quality 100 (the bridge's executor keeps the quality that the image had), on the same core. The rate is that of processor time. Memory is the peak (VmHWM) less what the process held before its first image.",
  tasks:
    "A real Mesos 1.11.0 with one agent, from the launch to the last acknowledgement. The executor runs already. The reference is ACCEPT and ACKNOWLEDGE on Mesos's own API, pipelined. The runs take turns.",
  store:
    "What it takes to have something on the disk. LevelDB is among them where classic-level is installed: docs/adr/0001-append-log.md.",
};

/** What is known of why something was not reached, by the name of the figure. */
const reasons = [
  [
    /PNG, a second of processor/,
    "Half of the time goes into deflate, a fifth into the pixels, a seventh into inflate. The first runs, of which the median is taken, have the compiler's time in them: later ones take a fifth less.",
  ],
  [
    /4096 B relayed to one (counting )?client in Go/,
    "For an event of 4096 B the client needs 4.5 us of processor time, or 7.5 where it decodes it, and the bridge 11; with the master's these are to share two cores. Beside the reference runs no master.",
  ],
  [
    /empty tasks/,
    "Mesos needs 5 ms of processor time for a task, the executor 0.9, the client 0.5 either way, and the bridge 0.4 to 0.8: for an update that comes alone each step is a wake-up, a read and a write. All of it shares two cores, so it is missing elsewhere. On a machine with a core to spare for the bridge it would not be seen.",
  ],
  [
    /beside a stalled one/,
    "The median moves by a tenth from run to run either way; nothing was found in a profile that the stalled client costs.",
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

/** Names what has no result here, so that nobody takes silence for success. */
function notMeasured(results) {
  const missing = Object.keys(benchmarks).filter((name) => !results.some((result) => result.name === name));
  return missing.length === 0 ? "" : `\n**Without a result here**: ${missing.join(", ")}.\n`;
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

/** Added latencies are no ratio of their reference. */
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
      return `- Not reached, ${figure.name}: ${known ?? "not examined yet."}`;
    });
  const load = loadBefore === undefined ? "" : `, load of the machine before it ${loadBefore.toFixed(1)}`;
  const when = date === undefined ? "" : ` Measured ${date.slice(0, 16).replace("T", " ")} UTC${load}.`;
  const parts = [`## ${name}`, `${benchmarks[name]}${when}`, `    npm run bench -- ${name}`, table([head, ...rows])];
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
  // A benchmark leaves a load of its own to the next one, so all of a run are judged by the quietest.
  const busy = Math.min(...results.map(({ loadBefore }) => loadBefore ?? Number.POSITIVE_INFINITY)) > machine.cores;
  return `# Performance

Mesos bridge ${version}, Node ${machine.node.slice(1)}, ${packages}${go}.
Machine: ${machine.processor}, ${machine.cores} cores${memory}${system}. All processes of a benchmark share it.

A figure with a spread is the median of 5 runs, with the least and the most of them; one without was measured once. A reference is
measured on the same machine right beside it, so ratios say more than rates. ${goals.filter((goal) => goal.reached).length} of the ${goals.length} figures with a goal reach it.
${busy ? `\n**The machine was busy with other work while these were measured** (more to run than it has cores): rates are lower, and spreads\nwider, than on an idle one.\n` : ""}${notMeasured(results)}
\`npm run bench\` measures all again, \`npm run bench -- NAME\` one; \`node scripts/performance-page.mjs\` writes this page from the
results. \`npm run bench -- smoke\` runs all of them shortened, and holds what does not depend on time within bounds; the tests run it.

Rates as multiples of their references. The line is 1, what is faster stands right of it, and a doubling is always as wide:

![Ratios to the references](performance.svg)

${results.map(section).join("\n\n")}
`;
}

const escaped = (text) => text.replaceAll("&", "&amp;").replaceAll("<", "&lt;");

/** They show that the benchmarks can be believed, and say nothing of the bridge. */
const proofs = ["master-rate", "go-client-rate"];

/** Rates beside their references, as bars from the line that is 1: to the right what is faster. Doubling is always as wide. */
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
