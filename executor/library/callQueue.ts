import { setTimeout as sleep } from "node:timers/promises";
import { type Call, Call_Type } from "../../gen/mesos/v1/executor/executor.js";
import { type AgentClient, AgentRefusal } from "./agentClient.js";

/** Messages are best effort: what an agent does not take in time is not worth the memory. */
const MAX_QUEUED_MESSAGES = 256;
const ATTEMPTS = 4;
const RETRY_DELAY_MS = 250;

/**
 * The calls on their way to the agent, one at a time and in order.
 *
 * It is closed until the subscription stands. What is an UPDATE is lost when it closes: the
 * ledger has it, and the next SUBSCRIBE names it.
 */
export class CallQueue {
  readonly #client: AgentClient;
  readonly #onBroken: (error: unknown) => void;
  readonly #log: (line: string) => void;
  #queue: Call[] = [];
  #messages = 0;
  #open: AbortController | undefined;
  #wake: () => void = () => {};

  /** @param onBroken the agent could not be reached with a call, although the subscription stands */
  constructor(client: AgentClient, onBroken: (error: unknown) => void, log: (line: string) => void) {
    this.#client = client;
    this.#onBroken = onBroken;
    this.#log = log;
  }

  /** Starts sending: first these updates, then what waits. */
  open(first: Call[]): void {
    this.close();
    this.#queue = [...first, ...this.#queue];
    const open = new AbortController();
    this.#open = open;
    this.#run(open.signal).catch((error: unknown) => {
      if (!open.signal.aborted) this.#onBroken(error);
    });
  }

  /** Stops sending; a call under way is broken off. */
  close(): void {
    this.#open?.abort();
    this.#open = undefined;
    this.#wake();
    this.#queue = this.#queue.filter((call) => call.type === Call_Type.MESSAGE);
  }

  /** Queues a call. False for a message that was dropped because too many wait already. */
  push(call: Call): boolean {
    const message = call.type === Call_Type.MESSAGE;
    if (!message && !this.#open) return true;
    if (message && this.#messages >= MAX_QUEUED_MESSAGES) return false;
    if (message) this.#messages += 1;
    this.#queue.push(call);
    this.#wake();
    return true;
  }

  async #run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const call = this.#queue.shift();
      if (!call) {
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
        continue;
      }
      if (call.type === Call_Type.MESSAGE) this.#messages -= 1;
      await this.#send(call, signal);
    }
  }

  /** An UPDATE may be repeated: the agent knows it by its uuid. A message may then come twice. */
  async #send(call: Call, signal: AbortSignal): Promise<void> {
    const name = Call_Type[call.type ?? Call_Type.UNKNOWN];
    for (let attempt = 1; ; attempt++) {
      try {
        return await this.#client.send(call, name, signal);
      } catch (error) {
        if (error instanceof AgentRefusal && error.final) {
          // The agent will never take this call; the ones behind it are none the worse for that.
          this.#log(`dropped: ${error.message}`);
          return;
        }
        if (attempt >= ATTEMPTS || signal.aborted || (error instanceof AgentRefusal && error.status === 403))
          throw error;
        await sleep(RETRY_DELAY_MS * attempt, undefined, { signal });
      }
    }
  }
}
