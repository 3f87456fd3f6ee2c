import { Resource, Value_Type } from "../../../gen/mesos/v1/mesos.js";

/** Amounts of what tasks need, in thousandths, as Mesos counts: whole numbers, so that 0.1 + 0.2 is 0.3. */
export interface Amounts {
  /** CPUs, in thousandths. */
  cpus: number;
  /** Memory, in thousandths of a MB. */
  mem: number;
  /** Disk, in thousandths of a MB. Default: none. */
  disk?: number;
}

const NAMES = ["cpus", "mem", "disk"] as const;

/** Amounts in thousandths of what people write. Without `diskMb`: no disk. */
export function amounts(cpus: number, memMb: number, diskMb = 0): Amounts {
  return { cpus: thousandths(cpus), mem: thousandths(memMb), disk: thousandths(diskMb) };
}

export function sum(a: Amounts, b: Amounts): Amounts {
  return { cpus: a.cpus + b.cpus, mem: a.mem + b.mem, disk: (a.disk ?? 0) + (b.disk ?? 0) };
}

function thousandths(value: number): number {
  return Math.round(value * 1000);
}

/**
 * What is left of an offer's resources. What is taken keeps role, reservation and allocation as they were
 * offered: Mesos refuses a task whose resources are not those of the offer.
 */
export class ResourcePool {
  /** Reserved resources first: nobody else could use what would be left of them. */
  readonly #resources: { resource: Resource; left: number }[];

  constructor(resources: readonly Resource[]) {
    this.#resources = resources
      .filter(isPlain)
      .map((resource) => ({ resource, left: thousandths(resource.scalar?.value ?? 0) }))
      .sort((a, b) => Number(isReserved(b.resource)) - Number(isReserved(a.resource)));
  }

  /** How much is left. */
  get left(): Amounts {
    return { cpus: this.#leftOf("cpus"), mem: this.#leftOf("mem"), disk: this.#leftOf("disk") };
  }

  has(wanted: Amounts): boolean {
    return NAMES.every((name) => this.#leftOf(name) >= (wanted[name] ?? 0));
  }

  /** Takes the amounts out of the pool. Undefined, with nothing taken, when there is less. */
  take(wanted: Amounts): Resource[] | undefined {
    if (!this.has(wanted)) return undefined;
    return NAMES.flatMap((name) => this.#takeOne(name, wanted[name] ?? 0));
  }

  #leftOf(name: string): number {
    return this.#resources.reduce((total, { resource, left }) => total + (resource.name === name ? left : 0), 0);
  }

  #takeOne(name: string, amount: number): Resource[] {
    const taken: Resource[] = [];
    let missing = amount;
    for (const entry of this.#resources) {
      const part = entry.resource.name === name ? Math.min(entry.left, missing) : 0;
      if (part === 0) continue;
      entry.left -= part;
      missing -= part;
      taken.push(Resource.create({ ...entry.resource, scalar: { value: part / 1000 } }));
    }
    return taken;
  }
}

/** Revocable and shared resources are not for tasks that want to keep what they got. */
function isPlain(resource: Resource): boolean {
  return resource.type === Value_Type.SCALAR && resource.revocable === undefined && resource.shared === undefined;
}

function isReserved(resource: Resource): boolean {
  return resource.reservations.length > 0 || (resource.role !== undefined && resource.role !== "*");
}
