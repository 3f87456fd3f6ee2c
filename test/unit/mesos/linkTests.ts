import { afterEach, beforeEach, expect } from "vitest";
import { Event, Event_Type } from "../../../gen/mesos/v1/scheduler/scheduler.js";
import { ListDetector } from "../../../server/mesos/detect/detector.js";
import { noAuthentication } from "../../../server/mesos/link/authentication.js";
import type { Disconnection, FrameworkRefusal } from "../../../server/mesos/link/callOutcome.js";
import type { LinkHandler } from "../../../server/mesos/link/frameworkLink.js";
import { Link } from "../../../server/mesos/link/link.js";
import type { LinkOptions } from "../../../server/mesos/link/linkOptions.js";
import { Arrivals } from "../../support/arrivals.js";
import { Cleanup } from "../../support/cleanup.js";
import { FakeMaster } from "../../support/fakeMaster.js";
import { watchLeftovers } from "../../support/leftovers.js";

/** What a handler was told. */
export type Told =
  | { connected: string }
  | { event: string }
  | { disconnected: string; cause?: "restarted" }
  | { refused: string; cause: FrameworkRefusal["cause"] }
  | { fault: unknown };

/** A link, and what its handler was told, in order. */
export class Subject implements LinkHandler {
  readonly told = new Arrivals<Told>();
  readonly link: Link;
  /** How many SUBSCRIBE calls were made. */
  attempts = 0;
  credentialsReplaced = 0;

  constructor(masters: readonly URL[], options: Partial<LinkOptions>) {
    const silent = () => {};
    this.link = new Link(
      {
        detector: new ListDetector({ kind: "list", urls: masters }),
        authentication: noAuthentication,
        log: { debug: silent, info: silent, warn: silent, error: silent },
        connectTimeoutMs: 5_000,
        backoff: { initialMs: 1, maxMs: 20 },
        ...options,
      },
      this,
    );
    this.link.start();
  }

  subscribeCall(): Uint8Array {
    return Buffer.from(`\x10\x01subscribe ${++this.attempts}`, "latin1");
  }

  onConnected(host: string): void {
    this.told.push({ connected: host });
  }

  onEvents(events: readonly Uint8Array[]): void {
    for (const event of events) {
      const { type } = Event.decode(event);
      this.told.push({ event: Event_Type[type ?? 0] ?? `type ${type}` });
    }
  }

  onDisconnected({ cause, reason }: Disconnection): void {
    this.told.push({ disconnected: reason, ...(cause === "restarted" && { cause }) });
  }

  onRefused({ cause, message }: FrameworkRefusal): void {
    this.told.push({ refused: message, cause });
  }

  onCredentialsReplaced(): void {
    this.credentialsReplaced++;
  }

  onFault(error: unknown): void {
    this.told.push({ fault: error });
  }

  /** Waits for the first, or next, word of a broken subscription. */
  async disconnected(): Promise<string> {
    for (;;) {
      const told = await this.told.next({ what: "onDisconnected" });
      if ("disconnected" in told) return told.disconnected;
    }
  }

  async connected(): Promise<void> {
    expect(await this.told.next()).toMatchObject({ connected: expect.any(String) });
    expect(await this.told.next()).toEqual({ event: "SUBSCRIBED" });
  }
}

/** An event with little in it. */
export const rescind = (id: string) => ({ type: Event_Type.RESCIND, rescind: { offerId: { value: id } } });

/** What each test of a file has: a fake master, and links that are closed in the end without anything left over. */
export class LinkTests {
  cleanup = new Cleanup();
  #master: FakeMaster | undefined;

  constructor() {
    let nothingLeft = async () => {};
    beforeEach(async () => {
      nothingLeft = watchLeftovers();
      this.cleanup = new Cleanup();
      this.#master = await this.another();
    });
    afterEach(async () => {
      await this.cleanup.run();
      await nothingLeft();
    });
  }

  get master(): FakeMaster {
    if (!this.#master) throw new Error("the master is there within tests only");
    return this.#master;
  }

  /** One more master. */
  async another(): Promise<FakeMaster> {
    return this.cleanup.use(await FakeMaster.start());
  }

  /** A master at whose address nothing listens any more. */
  async gone(): Promise<FakeMaster> {
    const master = await FakeMaster.start();
    await master.stop();
    return master;
  }

  /** A started link. Without `masters` its list is `master` alone. */
  subject(masters: readonly URL[] = [this.master.url], options: Partial<LinkOptions> = {}): Subject {
    const subject = new Subject(masters, options);
    this.cleanup.defer(() => subject.link.close());
    return subject;
  }
}
