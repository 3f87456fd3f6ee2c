import type { CallBudget } from "./callBudget.js";
import { type BridgeError, errorOfCall, internalError, tooManyWaiting } from "./errors.js";
import { Queue } from "./queue.js";
import type { CallAnswer } from "./requestMemory.js";

type Answered = (answer: CallAnswer) => void;
/** A call that waits for the disk, or for a key. */
export interface HeldCall {
  /** Why its client may not call any more, if it may not. */
  fence(): BridgeError | undefined;
  /** Lets the calls behind it be made. This or `again` must be called once. */
  release(): void;
  /** Makes it anew, if its client may still call; then those behind it. */
  again(make: () => void, answered: Answered): void;
}

interface WaitingCall {
  readonly attachmentId: string;
  readonly bytes: number;
  readonly make: () => void;
  readonly answered: Answered;
}

/** Calls that wait behind one. */
const MAX_WAITING = 1_000;
/** Of these calls, if there are several. */
const MAX_WAITING_BYTES = 16 * 1024 * 1024;
/** What a call needs beside what it holds, roughly. */
const CALL_BYTES = 1_024;

/**
 * The calls of a session's client in the order in which they came. Most are made at once. While one of them waits,
 * those behind it wait too, and are held against the fence again before they are made.
 */
export class CallOrder {
  readonly #fence: (attachmentId: string) => BridgeError | undefined;
  readonly #fault: (error: unknown) => void;
  readonly #budget: CallBudget;
  #waitingBytes = 0;
  readonly #waiting = new Queue<WaitingCall>();
  /** A call waits. */
  #held = false;
  /** Of the call that is made now. */
  #attachmentId = "";

  /** @param fault takes an error that is a bug of the bridge  @param budget of the calls that wait in all sessions */
  constructor(
    fence: (attachmentId: string) => BridgeError | undefined,
    fault: (error: unknown) => void,
    budget: CallBudget,
  ) {
    this.#fence = fence;
    this.#fault = fault;
    this.#budget = budget;
  }

  /**
   * Makes a call when its turn comes.
   *
   * @param bytes what it holds while it waits
   * @throws what `make` throws, if its turn is now; else it is the answer
   */
  run(attachmentId: string, bytes: number, make: () => void, answered: Answered): void {
    if (this.#held) return this.#wait({ attachmentId, bytes: bytes + CALL_BYTES, make, answered });
    this.#attachmentId = attachmentId;
    make();
  }

  /** The call that is made now waits, and so do those behind it. */
  hold(): HeldCall {
    const attachmentId = this.#attachmentId;
    this.#held = true;
    const again: HeldCall["again"] = (make, answered) => {
      this.#held = false;
      this.#make({ attachmentId, bytes: 0, make, answered });
      if (!this.#held) this.#release();
    };
    return { fence: () => this.#fence(attachmentId), release: () => this.#release(), again };
  }

  #wait(call: WaitingCall): void {
    const { size } = this.#waiting;
    const isTooMuch = size > 0 && this.#waitingBytes + call.bytes > MAX_WAITING_BYTES;
    if (size >= MAX_WAITING || isTooMuch || !this.#budget.take(call.bytes)) {
      return call.answered({ error: tooManyWaiting(size) });
    }
    this.#waitingBytes += call.bytes;
    this.#waiting.push(call);
  }

  #release(): void {
    this.#held = false;
    while (!this.#held) {
      const call = this.#waiting.shift();
      if (!call) return;
      this.#waitingBytes -= call.bytes;
      this.#budget.giveBack(call.bytes);
      this.#make(call);
    }
  }

  #make({ attachmentId, make, answered }: WaitingCall): void {
    const error = this.#fence(attachmentId);
    if (error) return answered({ error });
    this.#attachmentId = attachmentId;
    try {
      make();
    } catch (thrown) {
      const told = errorOfCall(thrown);
      if (!told) this.#fault(thrown);
      answered({ error: told ?? internalError() });
    }
  }
}
