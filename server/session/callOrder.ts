import { type BridgeError, errorOfCall, internalError, tooManyWaiting } from "./errors.js";
import { Queue } from "./queue.js";
import type { CallAnswer } from "./requestMemory.js";

type Answered = (answer: CallAnswer) => void;
/** A call that waits for the disk. */
export interface HeldCall {
  /** Why its client may not call any more, if it may not. */
  fence(): BridgeError | undefined;
  /** Lets the calls behind it be made. Must be called once. */
  release(): void;
}

interface WaitingCall {
  readonly attachmentId: string;
  readonly make: () => void;
  readonly answered: Answered;
}

/** Calls that wait behind one. */
const MAX_WAITING = 1_000;

/**
 * The calls of a session's client in the order in which they came. Most are made at once. While one of them waits for
 * the disk, those behind it wait too, and are held against the fence again before they are made.
 */
export class CallOrder {
  readonly #fence: (attachmentId: string) => BridgeError | undefined;
  readonly #fault: (error: unknown) => void;
  readonly #waiting = new Queue<WaitingCall>();
  /** A call waits for the disk. */
  #held = false;
  /** Of the call that is made now. */
  #attachmentId = "";

  /** @param fault takes an error that is a bug of the bridge */
  constructor(fence: (attachmentId: string) => BridgeError | undefined, fault: (error: unknown) => void) {
    this.#fence = fence;
    this.#fault = fault;
  }

  /** Makes a call when its turn comes. @throws what `make` throws, if its turn is now; else it is the answer */
  run(attachmentId: string, make: () => void, answered: Answered): void {
    if (this.#held) return this.#wait({ attachmentId, make, answered });
    this.#attachmentId = attachmentId;
    make();
  }

  /** The call that is made now waits, and so do those behind it. */
  hold(): HeldCall {
    const attachmentId = this.#attachmentId;
    this.#held = true;
    return { fence: () => this.#fence(attachmentId), release: () => this.#release() };
  }

  #wait(call: WaitingCall): void {
    if (this.#waiting.size >= MAX_WAITING) return call.answered({ error: tooManyWaiting(MAX_WAITING) });
    this.#waiting.push(call);
  }

  #release(): void {
    this.#held = false;
    while (!this.#held) {
      const call = this.#waiting.shift();
      if (!call) return;
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
