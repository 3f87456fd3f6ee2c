import type { Offer } from "../../gen/mesos/v1/mesos.js";
import { eventually } from "./eventually.js";
import { scalar } from "./messages.js";
import type { MesosScheduler, PartialOperation } from "./scheduler.js";

/** The offers that a framework has at a time: those that came, without such as were rescinded or answered. */
export class OpenOffers {
  readonly #scheduler: MesosScheduler;
  readonly #answered = new Set<string>();

  constructor(scheduler: MesosScheduler) {
    this.#scheduler = scheduler;
  }

  get all(): Offer[] {
    const open = new Map<string, Offer>();
    for (const { event } of this.#scheduler.stream.received) {
      for (const offer of event.offers?.offers ?? []) open.set(offer.id?.value ?? "", offer);
      open.delete(event.rescind?.offerId?.value ?? "");
    }
    return [...open].flatMap(([id, offer]) => (this.#answered.has(id) ? [] : [offer]));
  }

  /** How much of a scalar resource is offered, in all. */
  sum(name: string): number {
    const milli = this.all.reduce((sum, { resources }) => sum + Math.round(scalar(resources, name) * 1000), 0);
    return milli / 1000;
  }

  /** Waits until exactly so much is offered. */
  async until(amounts: Readonly<Record<string, number>>): Promise<void> {
    const now = () => Object.fromEntries(Object.keys(amounts).map((name) => [name, this.sum(name)]));
    await eventually(
      () => {
        const held = JSON.stringify(now());
        if (held !== JSON.stringify(amounts)) throw new Error(`${held} is offered`);
        return true;
      },
      { what: `an offer of ${JSON.stringify(amounts)}` },
    );
  }

  async decline(refuseSeconds: number, offers: readonly Offer[] = this.all): Promise<void> {
    if (offers.length === 0) return;
    this.#answer(offers);
    await this.#scheduler.decline([...offers], refuseSeconds);
  }

  async accept(offer: Offer, ...operations: PartialOperation[]): Promise<void> {
    this.#answer([offer]);
    await this.#scheduler.accept([offer], operations, 0);
  }

  #answer(offers: readonly Offer[]): void {
    for (const { id } of offers) this.#answered.add(id?.value ?? "");
  }
}
