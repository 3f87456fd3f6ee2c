import type { Resource } from "../../gen/mesos/v1/mesos.js";
import { identityOf, isPersistentVolume, resourceText } from "./identity.js";
import {
  type Amount,
  addAmounts,
  amountFields,
  amountOf,
  containsAmount,
  isZero,
  sameAmount,
  subtractAmounts,
} from "./value.js";

interface Entry {
  /** What it is; its amount stands beside it. */
  readonly kind: Resource;
  readonly amount: Amount;
  /** How often a shared volume is counted; 1 for all others. */
  readonly copies: number;
}

/**
 * An immutable bag of resources in the format with `reservations` (see `format.ts`). Resources that differ only in
 * their amount are added up; a persistent volume is one thing and never split.
 */
export class Resources {
  static readonly none = new Resources(new Map());
  readonly #entries: ReadonlyMap<string, Entry>;

  private constructor(entries: ReadonlyMap<string, Entry>) {
    this.#entries = entries;
  }

  static of(resources: Iterable<Resource>): Resources {
    const entries = new Map<string, Entry>();
    for (const resource of resources) {
      addEntry(entries, identityOf(resource), { kind: resource, amount: amountOf(resource), copies: 1 });
    }
    return new Resources(entries);
  }

  get isEmpty(): boolean {
    return this.#entries.size === 0;
  }

  list(): Resource[] {
    return [...this.#entries.values()].map(({ kind, amount }) => ({ ...kind, ...amountFields(amount) }));
  }

  plus(other: Resources): Resources {
    if (other.isEmpty) return this;
    if (this.isEmpty) return other;
    const entries = new Map(this.#entries);
    for (const [identity, entry] of other.#entries) addEntry(entries, identity, entry);
    return new Resources(entries);
  }

  /** What `other` has and this lacks is passed over. */
  minus(other: Resources): Resources {
    if (other.isEmpty) return this;
    const entries = new Map(this.#entries);
    for (const [identity, entry] of other.#entries) {
      const own = entries.get(identity);
      if (own) subtractEntry(entries, identity, own, entry);
    }
    return new Resources(entries);
  }

  contains(other: Resources): boolean {
    for (const [identity, entry] of other.#entries) {
      const own = this.#entries.get(identity);
      if (!own || own.copies < entry.copies) return false;
      const whole = isPersistentVolume(entry.kind);
      if (whole ? !sameAmount(own.amount, entry.amount) : !containsAmount(own.amount, entry.amount)) return false;
    }
    return true;
  }

  equals(other: Resources): boolean {
    return this.contains(other) && other.contains(this);
  }

  /** Whether all that this holds lies in `other`, a shared volume once being enough for any number of users. */
  isCoveredBy(other: Resources): boolean {
    return other.contains(
      new Resources(new Map([...this.#entries].map(([key, entry]) => [key, { ...entry, copies: 1 }]))),
    );
  }

  filter(predicate: (resource: Resource) => boolean): Resources {
    return new Resources(new Map([...this.#entries].filter(([, entry]) => predicate(entry.kind))));
  }

  /** Changes what the resources are, not how much; the changed ones are added up anew. */
  map(change: (resource: Resource) => Resource): Resources {
    const entries = new Map<string, Entry>();
    for (const entry of this.#entries.values()) {
      const kind = change(entry.kind);
      addEntry(entries, identityOf(kind), { ...entry, kind });
    }
    return new Resources(entries);
  }

  /** The same resources, allocated to `role`; to none when undefined. */
  allocatedTo(role: string | undefined): Resources {
    return this.map((kind) => ({ ...kind, allocationInfo: role === undefined ? undefined : { role } }));
  }

  /** Sum of the scalar called `name`, in thousandths, whoever it is reserved for. */
  milli(name: string): number {
    let sum = 0;
    for (const { kind, amount } of this.#entries.values()) {
      if (kind.name === name && amount.kind === "scalar") sum += amount.milli;
    }
    return sum;
  }

  /** Names of the scalars that this holds. */
  scalarNames(): Set<string> {
    const names = new Set<string>();
    for (const { kind, amount } of this.#entries.values()) if (amount.kind === "scalar") names.add(kind.name ?? "");
    return names;
  }

  /** Sums of the scalars that `predicate` takes, by name, in thousandths. */
  quantities(predicate: (resource: Resource) => boolean = () => true): Map<string, number> {
    const sums = new Map<string, number>();
    for (const { kind, amount } of this.#entries.values()) {
      if (amount.kind !== "scalar" || !predicate(kind)) continue;
      sums.set(kind.name ?? "", (sums.get(kind.name ?? "") ?? 0) + amount.milli);
    }
    return sums;
  }

  /** The amounts by name, whoever they are reserved for. */
  amountsByName(): Map<string, Amount> {
    const sums = new Map<string, Amount>();
    for (const { kind, amount } of this.#entries.values()) {
      const before = sums.get(kind.name ?? "");
      sums.set(kind.name ?? "", before ? addAmounts(before, amount) : amount);
    }
    return sums;
  }

  /** As Mesos prints resources in its messages. */
  toString(): string {
    const texts = [...this.#entries.values()].map(
      ({ kind, amount, copies }) => `${resourceText(kind, amount)}${kind.shared ? `<${copies}>` : ""}`,
    );
    return texts.join("; ");
  }
}

function addEntry(entries: Map<string, Entry>, identity: string, entry: Entry): void {
  const before = entries.get(identity);
  if (before === undefined) {
    if (!isZero(entry.amount)) entries.set(identity, entry);
  } else if (entry.kind.shared) {
    entries.set(identity, { ...before, copies: before.copies + entry.copies });
  } else {
    entries.set(identity, { ...before, amount: addAmounts(before.amount, entry.amount) });
  }
}

function subtractEntry(entries: Map<string, Entry>, identity: string, own: Entry, entry: Entry): void {
  if (own.kind.shared) {
    const copies = own.copies - entry.copies;
    if (copies > 0) entries.set(identity, { ...own, copies });
    else entries.delete(identity);
    return;
  }
  const amount = subtractAmounts(own.amount, entry.amount);
  if (isZero(amount) || (amount.kind === "scalar" && amount.milli < 0)) entries.delete(identity);
  else entries.set(identity, { ...own, amount });
}
