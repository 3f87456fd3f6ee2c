import type { SessionEvent } from "./sessionEvent.js";

export type OfferChange = "opened" | "rescinded" | "accepted" | "declined" | "lost";
export type LaunchOutcome = "sent" | "accepted" | "refused" | "unknown";

/** Something that happened in a session, for those who watch or count. */
export type Observation =
  | {
      readonly kind: "offers";
      readonly frameworkName: string;
      readonly timeMs: number;
      readonly change: OfferChange;
      /** Serialized offers; for `opened`. */
      readonly offers: readonly Uint8Array[];
      /** For all but `opened`. */
      readonly offerIds: readonly string[];
    }
  | {
      readonly kind: "launch";
      readonly frameworkName: string;
      readonly timeMs: number;
      readonly outcome: LaunchOutcome;
      readonly offerIds: readonly string[];
      /** Serialized `TaskInfo`s. */
      readonly tasks: readonly Uint8Array[];
      readonly message: string;
    }
  | {
      readonly kind: "update";
      readonly frameworkName: string;
      readonly timeMs: number;
      /** Serialized `TaskStatus`. */
      readonly status: Uint8Array;
    }
  | { readonly kind: "event"; readonly frameworkName: string; readonly event: SessionEvent };

export type Observer = (observation: Observation) => void;

/** Spreads what happens to all observers. Costs nothing while there are none. */
export class ObserverHub {
  readonly #observers = new Set<Observer>();

  get watched(): boolean {
    return this.#observers.size > 0;
  }

  /** Returns what ends the observation. */
  observe(observer: Observer): () => void {
    this.#observers.add(observer);
    return () => this.#observers.delete(observer);
  }

  emit(observation: Observation): void {
    for (const observer of this.#observers) observer(observation);
  }
}
