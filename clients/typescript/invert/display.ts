import { MultiBar, type SingleBar } from "cli-progress";
import { printable } from "../library/terminal.js";
import { hostOf, type ImageRecord } from "./image.js";

/** Shows the progress of the batch. */
export interface Display {
  /** A line about the batch as a whole. */
  note(line: string): void;
  /** A task came that far: `launched`, and then what its executor reports. `fraction` of the stage, 0 to 1. */
  stage(image: ImageRecord, stage: string, fraction: number): void;
  /** The image waits for another task. */
  again(image: ImageRecord): void;
  /** The image is done, or failed. */
  over(image: ImageRecord): void;
  /** Of so many images the gallery has its pictures. */
  gallery(made: number, total: number): void;
  /** Nothing more comes. May be called again. */
  close(): void;
}

/** A progress bar on a terminal, plain lines elsewhere. */
export function createDisplay(total: number, done: number, stream: NodeJS.WriteStream): Display {
  return stream.isTTY ? new BarDisplay(total, done, stream) : new LineDisplay(total, done, stream);
}

export function count(number: number, thing: string): string {
  return `${number} ${thing}${number === 1 ? "" : "s"}`;
}

export function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`;
}

function ending(image: ImageRecord): string {
  const where = hostOf(image) === "" ? "" : ` on ${hostOf(image)}`;
  if (image.state === "done") return `done${where} in ${seconds(image.durationMs ?? 0)}`;
  return `FAILED${where}: ${image.reason ?? "unknown"}`;
}

/** The stage of a task that Mesos has accepted. */
export const LAUNCHED = "launched";

const GALLERY_LINE_MS = 5_000;

class LineDisplay implements Display {
  readonly #total: number;
  readonly #stream: NodeJS.WritableStream;
  readonly #start = Date.now();
  /** The stage last told of each image: fractions are not worth a line. */
  readonly #stages = new Map<string, string>();
  /** Images that are over: one may be so twice, when the result of a failed one comes after all. */
  readonly #over = new Set<string>();
  readonly #doneBefore: number;
  #nextGalleryMs = 0;

  constructor(total: number, done: number, stream: NodeJS.WritableStream) {
    this.#total = total;
    this.#doneBefore = done;
    this.#stream = stream;
  }

  note(line: string): void {
    this.#print(line);
  }

  stage(image: ImageRecord, stage: string): void {
    const key = `${image.task?.id} ${stage}`;
    if (this.#stages.get(image.id) === key) return;
    this.#stages.set(image.id, key);
    this.#print(`${image.name}: ${stage} on ${hostOf(image)}`);
  }

  again(image: ImageRecord): void {
    this.#print(`${image.name}: is launched again: ${image.reason}`);
  }

  over(image: ImageRecord): void {
    this.#over.add(image.id);
    this.#print(`${image.name}: ${ending(image)} [${this.#doneBefore + this.#over.size}/${this.#total}]`);
  }

  /** Now and then: a line for each picture would be too many. */
  gallery(made: number, total: number): void {
    const nowMs = Date.now();
    if (nowMs < this.#nextGalleryMs) return;
    this.#nextGalleryMs = nowMs + GALLERY_LINE_MS;
    this.#print(`making the gallery: pictures of ${made} of ${count(total, "image")}`);
  }

  close(): void {}

  #print(line: string): void {
    const time = seconds(Date.now() - this.#start).padStart(8);
    this.#stream.write(`${time}  ${printable(line)}\n`);
  }
}

class BarDisplay implements Display {
  readonly #bars: MultiBar;
  readonly #bar: SingleBar;
  /** Launched, and without a sign of their executor yet. */
  readonly #staged = new Set<string>();
  readonly #running = new Map<string, string>();
  readonly #stream: NodeJS.WriteStream;
  readonly #over = new Map<string, ImageRecord["state"]>();
  readonly #doneBefore: number;
  readonly #onExit = () => this.#stop();
  #closed = false;

  constructor(total: number, done: number, stream: NodeJS.WriteStream) {
    this.#stream = stream;
    this.#doneBefore = done;
    this.#bars = new MultiBar({
      stream,
      format: "{bar} {value}/{total} {detail}",
      barCompleteChar: "█",
      barIncompleteChar: "░",
      barsize: 24,
      hideCursor: true,
      linewrap: false,
      // Whoever interrupts gets told what happens; that is not the bar's to decide.
      gracefulExit: false,
      fps: 8,
    });
    process.on("exit", this.#onExit);
    this.#bar = this.#bars.create(total, done, { detail: "waiting for offers" });
  }

  note(line: string): void {
    this.#log(line);
  }

  stage(image: ImageRecord, stage: string, fraction: number): void {
    const percent = fraction > 0 && fraction < 1 ? ` ${Math.round(fraction * 100)}%` : "";
    if (stage === LAUNCHED) {
      this.#running.delete(image.id);
      this.#staged.add(image.id);
    } else {
      this.#staged.delete(image.id);
      this.#running.set(image.id, `${image.name} ${stage}${percent}`);
    }
    this.#show();
  }

  again(image: ImageRecord): void {
    this.#remove(image);
    this.#log(`↻ ${image.name}  is launched again: ${image.reason}`);
  }

  over(image: ImageRecord): void {
    this.#remove(image);
    this.#over.set(image.id, image.state);
    this.#log(`${image.state === "done" ? "✓" : "✗"} ${image.name}  ${ending(image)}`);
    this.#bar.update(this.#doneBefore + this.#over.size);
    this.#show();
  }

  gallery(made: number, total: number): void {
    this.#bar.update({ detail: `making the gallery: pictures of ${made} of ${count(total, "image")}` });
  }

  close(): void {
    if (this.#closed) return;
    this.#bar.update({ detail: this.#failed === 0 ? "" : `${this.#failed} failed` });
    this.#stop();
  }

  /** Shows the cursor again. */
  #stop(): void {
    this.#closed = true;
    process.off("exit", this.#onExit);
    this.#bars.stop();
  }

  get #failed(): number {
    return [...this.#over.values()].filter((state) => state === "failed").length;
  }

  #log(line: string): void {
    this.#bars.log(`${printable(line)}\n`);
    this.#bars.update();
  }

  #remove({ id }: ImageRecord): void {
    this.#staged.delete(id);
    this.#running.delete(id);
  }

  #show(): void {
    const parts = [...this.#running.values()];
    const failed = this.#failed > 0 ? `${this.#failed} failed · ` : "";
    const staged = this.#staged.size > 0 ? `${this.#staged.size} staged · ` : "";
    const running = `${parts.length} running${parts.length > 0 ? `: ${parts.join(", ")}` : ""}`;
    const text = printable(failed + staged + running);
    const room = Math.max(10, (this.#stream.columns ?? 80) - 45);
    this.#bar.update({ detail: text.length > room ? `${text.slice(0, room - 1)}…` : text });
  }
}
