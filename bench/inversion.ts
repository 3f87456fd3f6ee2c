import { execFile } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import sharp from "sharp";
import type { Effort } from "./effort.js";
import { goProgram } from "./goProgram.js";
import { type Figure, spread, usageOf, Worker } from "./harness.js";

const execute = promisify(execFile);
const root = fileURLToPath(new URL("../../", import.meta.url));
const photograph = (name: string) => join(root, "images", name);
/** So that threads of a process, and those of Go's garbage collector, share one core. */
const CORE = "0";

interface Images {
  readonly name: string;
  readonly files: readonly string[];
  /** How many times as many images a second as the Go program. */
  readonly reach: number;
}

interface Inverted {
  /** Of processor time, for all images once. */
  readonly seconds: readonly number[];
  readonly grownMb: number;
  /** The same, when all images were inverted for the first time. */
  readonly firstGrownMb?: number;
}

/** Images a second of processor time, beside a program that has only Go's standard library. Each in processes of its own. */
export async function inversion(effort: Effort): Promise<Figure[]> {
  const folder = await mkdtemp(join(tmpdir(), "mesos-bridge-bench-"));
  try {
    const large = join(folder, "large.jpg");
    const size = effort.full ? { width: 4000, height: 3000 } : { width: 400, height: 300 };
    await sharp(photograph("hubble_deep_field.jpg"))
      .resize({ ...size, fit: "fill" })
      .jpeg({ quality: 90 })
      .toFile(large);
    const program = await goProgram("invert");
    const all: Measured[] = [];
    for (const images of imagesOf(large)) all.push(await measured(effort, images, program));
    return [rateOf(together(all)), ...all.flatMap((each) => [rateOf(each), ...memoryOf(each, effort)])];
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function imagesOf(large: string): Images[] {
  const jpeg = ["hubble_deep_field.jpg", "rocket.jpg"].map(photograph);
  const png = ["astronaut.png", "chelsea.png", "coffee.png"].map(photograph);
  return [
    { name: "the photographs that are JPEG", files: jpeg, reach: 4 },
    { name: "the photographs that are PNG", files: png, reach: 4 },
    { name: "a JPEG of 12 megapixels", files: [large], reach: 4 },
  ];
}

/** Some images, inverted by the executor's code and, where there is Go, by the program in Go. */
interface Measured {
  readonly images: Images;
  readonly ours: Inverted;
  readonly theirs: Inverted | undefined;
}

async function measured(effort: Effort, images: Images, program: string | undefined): Promise<Measured> {
  const ours = await byExecutor(effort.runs, images.files);
  const theirs = program === undefined ? undefined : await byGo(effort.runs, images.files, program);
  return { images, ours, theirs };
}

/** As if they had been inverted one after the other. */
function together(all: readonly Measured[]): Measured {
  const files = all.flatMap(({ images }) => images.files);
  const name = `all ${files.length} images`;
  const add = (sum: Inverted, { seconds, grownMb }: Inverted): Inverted => ({
    seconds: sum.seconds.map((each, run) => each + (seconds[run] ?? Number.NaN)),
    grownMb: Math.max(sum.grownMb, grownMb),
  });
  const theirs = all.flatMap((each) => each.theirs ?? []);
  return {
    images: { name, files, reach: 4 },
    ours: all.map(({ ours }) => ours).reduce(add),
    theirs: theirs.length === all.length ? theirs.reduce(add) : undefined,
  };
}

function rateOf({ images, ours, theirs }: Measured): Figure {
  const rates = ({ seconds }: Inverted) => spread(seconds.map((each) => images.files.length / each));
  const name = `inversion of ${images.name}, a second of processor time on one core`;
  const value = rates(ours);
  if (!theirs) return { name, unit: "/s", value };
  const reference = rates(theirs);
  const reached = value.median >= images.reach * reference.median;
  return { name, unit: "/s", value, reference, reach: `>= ${images.reach} x the Go program`, reached };
}

function memoryOf({ images, ours, theirs }: Measured, effort: Effort): Figure[] {
  const memory = spread([ours.grownMb]);
  return [
    {
      name: `inversion of ${images.name}, peak memory over its start, once`,
      unit: "MB",
      value: spread([ours.firstGrownMb ?? Number.NaN]),
    },
    {
      name: `inversion of ${images.name}, peak memory over its start, ${effort.runs + 1} times`,
      unit: "MB",
      value: memory,
      ...(theirs && { reference: spread([theirs.grownMb]) }),
      reach: "< 200 MB",
      reached: memory.median < 200,
    },
  ];
}

async function byExecutor(runs: number, files: readonly string[]): Promise<Inverted> {
  const worker = new Worker("inverter");
  try {
    await worker.next("ready");
    await execute("taskset", ["-a", "-c", "-p", CORE, String(worker.pid)]);
    const startMb = usageOf(worker.pid).residentMb;
    worker.tell("invert", { runs, files });
    const firstGrownMb = Number((await worker.next("warm")).peakMb) - startMb;
    const { seconds } = await worker.next("inverted");
    return { seconds: seconds as number[], firstGrownMb, grownMb: usageOf(worker.pid).peakMb - startMb };
  } finally {
    worker.close();
  }
}

async function byGo(runs: number, files: readonly string[], program: string): Promise<Inverted> {
  const { stdout } = await execute("taskset", ["-c", CORE, program, String(runs), ...files]);
  return JSON.parse(stdout) as Inverted;
}
