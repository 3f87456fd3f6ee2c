import type { Clock } from "../../wire/clock.js";
import { type BridgeError, notTakenAnyMore } from "./errors.js";
import type { CallAnswer } from "./requestMemory.js";

type Answered = (answer: CallAnswer) => void;

/** How long calls are read and refused at most, once all those that were taken are answered. */
const LAST_LOOK_MS = 250;

/** Lets the clients' calls in, and counts those without an answer. Once the bridge ends it lets no more in. */
export class CallGate {
  readonly #clock: Clock;
  /** Calls that were let in and have no answer yet. */
  #underWay = 0;
  /** All calls that ever came, also those that were not let in. */
  #arrived = 0;
  #shut = false;
  #onIdle: (() => void) | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get isShut(): boolean {
    return this.#shut;
  }

  shut(): void {
    this.#shut = true;
  }

  /** A call came when the gate was shut. Gives what it is answered. */
  turnedAway(): BridgeError {
    this.#arrived++;
    return notTakenAnyMore();
  }

  /** Has a call made, which is under way until it is answered. @throws what `make` throws */
  enter(done: Answered, make: (answered: Answered) => void): void {
    let open = true;
    const left = () => {
      if (open) this.#left();
      open = false;
    };
    this.#arrived++;
    this.#underWay++;
    try {
      make((answer) => {
        left();
        done(answer);
      });
    } catch (error) {
      left();
      throw error;
    }
  }

  /**
   * Waits until no call is under way, and until none is left that had come when the gate was shut and was not read yet.
   * Gives the number of calls that had no answer when the time was over.
   */
  async emptied(timeoutMs: number): Promise<number> {
    if (this.#underWay > 0) await this.#idle(timeoutMs);
    const until = this.#clock.now() + LAST_LOOK_MS;
    for (let seen = -1; seen !== this.#arrived && this.#clock.now() < until; ) {
      seen = this.#arrived;
      // One turn reads what has come, and the next hands it to its session.
      await this.#turn();
      await this.#turn();
    }
    return this.#underWay;
  }

  async #idle(timeoutMs: number): Promise<void> {
    await new Promise<void>((resolve) => {
      const timer = this.#clock.after(timeoutMs, resolve);
      this.#onIdle = () => {
        timer.cancel();
        resolve();
      };
    });
    this.#onIdle = undefined;
  }

  #turn(): Promise<void> {
    return new Promise((resolve) => {
      this.#clock.soon(resolve);
    });
  }

  #left(): void {
    if (--this.#underWay === 0) this.#onIdle?.();
  }
}
