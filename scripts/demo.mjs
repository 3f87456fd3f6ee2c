// npm run demo: inverts the sample images on a Mesos cluster of its own, from a fresh clone to a page to look at.
// Starts the embedded Mesos, the bridge and mesos-invert, and leaves nothing behind but the results.
import { spawn } from "node:child_process";
import { createWriteStream, existsSync, mkdirSync, readdirSync, readlinkSync, rmSync, writeFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { delimiter, dirname, join, relative, resolve } from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as delay } from "node:timers/promises";
import { parseArgs } from "node:util";
import { at } from "./lib.mjs";
import { setup } from "./setup.mjs";

const HELP = `Usage: npm run demo -- [options]

Inverts images on Mesos: builds what is missing, starts an embedded Mesos with two agents, the bridge, and mesos-invert.

Options:
  --images DIR   the images (default: images/)
  --output DIR   where the results go; emptied first if an earlier demo made it (default: demo-output/)
  --master URL   use this Mesos instead of an embedded one, such as 127.0.0.1:5050
  --help         print this and end

The exit status is that of mesos-invert: 0 when all images are inverted.

Example:
  npm run demo -- --images ~/Pictures --output /tmp/inverted`;

/** Tells that a folder may be emptied. */
const MARKER = ".mesos-bridge-demo";
const START_MS = 30_000;
const STOP_MS = 10_000;
const INTERRUPTED = 130;
const server = at("dist/server/main.js");

class DemoError extends Error {}

/** A program that the demo started, in a process group of its own: Ctrl-C reaches the demo alone, which ends all in order. */
class Part {
  #output = "";
  #ending = false;

  /** @param onDeath  told when it ends before it is stopped */
  constructor(name, args, { log, onDeath, show = false }) {
    this.name = name;
    this.log = log;
    const stdio = show ? "inherit" : ["ignore", "pipe", "pipe"];
    // Agents give their executors this PATH; node is in it then, wherever it is installed.
    const env = { ...process.env, PATH: `${dirname(process.execPath)}${delimiter}${process.env.PATH ?? ""}` };
    this.child = spawn(process.execPath, args, { stdio, env, detached: true });
    this.ended = new Promise((done) => {
      this.child.on("error", (error) => done({ how: error.message }));
      this.child.on("exit", (code, signal) => done({ code, how: signal ? `got ${signal}` : `exit status ${code}` }));
    });
    const died = ({ how }) => this.#ending || onDeath?.(new DemoError(`${name} ended early: ${how}\n${this.tail()}`));
    this.ended.then(died).catch((error) => onDeath?.(error));
    if (!show) this.#keepLog();
  }

  #keepLog() {
    const file = createWriteStream(this.log);
    for (const stream of [this.child.stdout, this.child.stderr]) {
      stream.on("data", (chunk) => {
        this.#output = (this.#output + chunk).slice(-20_000);
      });
      stream.pipe(file, { end: false });
    }
  }

  /** What follows `ready ` on its first line of output. */
  async ready() {
    const lines = createInterface({ input: this.child.stdout });
    const found = new Promise((done) => lines.on("line", (line) => line.startsWith("ready ") && done(line.slice(6))));
    const ended = this.ended.then(() => undefined);
    const address = await Promise.race([found, ended, delay(START_MS, undefined, { ref: false })]);
    if (address === undefined) throw new DemoError(`${this.name} did not start\n${this.tail()}`);
    return address;
  }

  /** The end of its log. */
  tail() {
    const lines = this.#output.trimEnd().split("\n").slice(-15);
    return lines.map((line) => `  | ${line}`).join("\n");
  }

  /** Its end is expected from now on. */
  letGo() {
    this.#ending = true;
  }

  signal(signal) {
    try {
      process.kill(-this.child.pid, signal);
    } catch {
      // It has ended already.
    }
  }

  async stop() {
    this.letGo();
    this.signal("SIGTERM");
    const inTime = await Promise.race([this.ended.then(() => true), delay(STOP_MS, false, { ref: false })]);
    if (!inTime) this.signal("SIGKILL");
    await this.ended;
  }
}

function readOptions(args) {
  const text = { type: "string" };
  const options = { images: text, output: text, master: text, help: { type: "boolean" } };
  const { values } = parseArgs({ args, options });
  return {
    ...values,
    images: resolve(values.images ?? at("images")),
    output: resolve(values.output ?? at("demo-output")),
  };
}

/** Makes the output folder, empty. One that an earlier demo made is emptied; any other that holds something is left alone. */
function prepareOutput(folder) {
  if (existsSync(folder) && readdirSync(folder).length > 0) {
    if (!existsSync(join(folder, MARKER))) {
      throw new DemoError(`${folder} holds files that no demo made: empty it, or choose another --output`);
    }
    for (const entry of readdirSync(folder)) rmSync(join(folder, entry), { recursive: true, force: true });
  }
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, MARKER), "This folder is emptied when the demo runs again.\n");
}

/** Ends what still runs in the demo's own folder: executors whose agent was killed wait long for another one. */
function endStragglers(work) {
  if (!existsSync("/proc/self/cwd")) return;
  for (const pid of readdirSync("/proc").filter((name) => /^\d+$/.test(name))) {
    try {
      if (readlinkSync(`/proc/${pid}/cwd`).startsWith(`${work}/`)) process.kill(Number(pid), "SIGKILL");
    } catch {
      // It has ended, or is not ours to look at.
    }
  }
}

class Demo {
  #parts = [];
  #invert;
  #interrupts = 0;
  #fail = () => {};
  #failed = new Promise((_, reject) => {
    this.#fail = reject;
  });

  constructor(options, work) {
    this.options = options;
    this.work = work;
    // Whoever waits for nothing at that moment must not make it an unhandled rejection.
    this.#failed.catch(() => {});
  }

  /** Gives the exit status of mesos-invert. */
  async run() {
    const { images, output } = this.options;
    const master = this.options.master ?? (await this.#startMesos());
    const bridge = await this.#start("the bridge", [
      "serve",
      "--master",
      master,
      "--listen",
      "127.0.0.1:0",
      "--data-dir",
      join(this.work, "bridge"),
    ]);
    console.error(`demo: bridge at ${bridge}`);
    const program = at("dist/clients/typescript/invert/main.js");
    const args = [program, "--bridge", bridge, "--output", output, images];
    this.#invert = new Part("mesos-invert", args, { show: true });
    if (this.#interrupts > 0) this.#invert.signal("SIGINT");
    const { code } = await Promise.race([this.#invert.ended, this.#failed]);
    return code ?? (this.interrupted ? INTERRUPTED : 1);
  }

  async #startMesos() {
    const url = await this.#start("the embedded Mesos", [
      "local",
      "--agents",
      "2",
      "--port",
      "0",
      "--work-dir",
      join(this.work, "mesos"),
    ]);
    console.error(`demo: Mesos with 2 agents at ${url}`);
    return url;
  }

  async #start(name, args) {
    const log = join(this.work, `${args[0]}.log`);
    const part = new Part(name, [server, ...args], { log, onDeath: this.#fail });
    this.#parts.unshift(part);
    return await Promise.race([part.ready(), this.#failed]);
  }

  /** The first time in order, by mesos-invert; the second time at once. */
  interrupt() {
    this.#interrupts++;
    if (this.#invert === undefined || this.#interrupts > 1) this.#fail(new DemoError("interrupted"));
    else this.#invert.signal("SIGINT");
  }

  get interrupted() {
    return this.#interrupts > 0;
  }

  async stop() {
    for (const part of this.#parts) part.letGo();
    await this.#invert?.stop();
    for (const part of this.#parts) await part.stop();
    endStragglers(this.work);
  }
}

/** A path as one would type it here. */
function shortest(path) {
  const here = relative(process.cwd(), path);
  return here.startsWith("..") ? path : here;
}

async function main(args) {
  const options = readOptions(args);
  if (options.help) {
    console.log(HELP);
    return 0;
  }
  if (!existsSync(options.images)) throw new DemoError(`--images: there is no folder ${options.images}`);
  await setup();
  prepareOutput(options.output);
  const work = await mkdtemp(join(tmpdir(), "mesos-bridge-demo-"));
  const demo = new Demo(options, work);
  const interrupt = () => demo.interrupt();
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.on(signal, interrupt);
  try {
    const status = await demo.run();
    if (status === 0) console.error(`demo: open ${shortest(join(options.output, "index.html"))} in a browser`);
    return status;
  } catch (error) {
    if (!(error instanceof DemoError)) throw error;
    console.error(`demo: ${error.message}`);
    return demo.interrupted ? INTERRUPTED : 1;
  } finally {
    await demo.stop();
    await rm(work, { recursive: true, force: true, maxRetries: 3 });
    for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.off(signal, interrupt);
  }
}

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  const usage = String(error.code).startsWith("ERR_PARSE_ARGS");
  console.error(error instanceof DemoError || usage ? `demo: ${error.message}` : error);
  if (usage) console.error("demo: --help shows what can be given");
  process.exitCode = usage ? 2 : 1;
}
