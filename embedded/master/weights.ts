import type { WeightInfo } from "../../gen/mesos/v1/mesos.js";
import type { Flags } from "../flags.js";
import { invalidRole } from "../names.js";
import { generalText } from "../resources/number.js";
import type { Offers } from "./offers.js";
import type { MasterRecords } from "./records.js";
import { isAllowedRole } from "./roleWhitelist.js";

/** The weights of roles: by so much more than others a role gets. 1 for one that none was given. */
export class Weights {
  readonly #records: MasterRecords;
  readonly #offers: Offers;

  constructor(records: MasterRecords, offers: Offers) {
    this.#records = records;
    this.#offers = offers;
    for (const [role, weight] of records.registry.weights) offers.allocator.holdings.shares.setWeight(role, weight);
  }

  get(role: string): number {
    return this.#records.registry.weights.get(role) ?? 1;
  }

  /** The newest first. */
  all(): Array<readonly [role: string, weight: number]> {
    return [...this.#records.registry.weights].reverse();
  }

  /** For GET_WEIGHTS; undefined if there are none. */
  describe(): { weightInfos: WeightInfo[] } | undefined {
    const weightInfos = this.all().map(([role, weight]) => ({ role, weight }));
    return weightInfos.length > 0 ? { weightInfos } : undefined;
  }

  /** Sets weights. Offers are rescinded if frameworks have one of the roles. @returns what is wrong, or undefined */
  update(infos: readonly WeightInfo[]): string | undefined {
    const weights = infos.map(({ role = "", weight = 0 }) => ({ role: trim(role), weight }));
    for (const { role, weight } of weights) {
      const invalid = invalidWeight(this.#records.flags, role, weight);
      if (invalid !== undefined) return `Failed to validate update weights request JSON${invalid}`;
    }
    const { registry } = this.#records;
    for (const { role, weight } of weights) {
      registry.weights.set(role, weight);
      this.#offers.allocator.holdings.shares.setWeight(role, weight);
    }
    registry.save();
    this.#rescindIfActive(new Set(weights.map(({ role }) => role)));
    return undefined;
  }

  #rescindIfActive(roles: ReadonlySet<string>): void {
    const frameworks = [...this.#records.frameworks.values()];
    if (!frameworks.some((framework) => framework.roles.some((role) => roles.has(role)))) return;
    for (const offer of this.#offers.all()) this.#offers.discard(offer, { rescind: true });
  }
}

function trim(role: string): string {
  return role.replace(/^[ \t\r\n]+|[ \t\r\n]+$/g, "");
}

function invalidWeight(flags: Flags, role: string, weight: number): string | undefined {
  const error = invalidRole(role);
  if (error !== undefined) return `: Invalid role '${role}': ${error}`;
  if (!isAllowedRole(flags, role)) return `: Unknown role '${role}'`;
  if (weight <= 0) return ` for role '${role}': Invalid weight '${generalText(weight, 6)}': Weights must be positive`;
  return undefined;
}
