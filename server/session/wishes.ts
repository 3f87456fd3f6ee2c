import type { Randomness } from "../../wire/randomness.js";
import type { FrameworkPrincipal, Links } from "../mesos/link/frameworkLink.js";
import { completeFrameworkInfo, readPrincipal, withPrincipal } from "../mesos/messages/frameworkInfo.js";
import { frameworkUserOf } from "../mesos/messages/namesUsed.js";
import type { AttachRequest } from "./attachRequest.js";
import { idOfAnother, invalidField, otherId } from "./errors.js";
import type { FrameworkRecords } from "./frameworkRecords.js";
import type { FrameworkRecord } from "./frameworkStore.js";

/** A client that asks for a longer lease gets this one. */
const DEFAULT_LEASE_MS = 60_000;
const MAX_LEASE_MS = 24 * 3_600_000;

export interface WishesOptions {
  readonly links: Links;
  readonly records: FrameworkRecords;
  readonly randomness: Randomness;
  /** As of now: it may change. Default: 60,000. */
  readonly defaultLeaseMs?: (() => number) | undefined;
}

/** What a client makes of its framework. */
export interface Wish {
  readonly record: FrameworkRecord;
  /** Fields of the FrameworkInfo that the bridge filled in. */
  readonly defaultedFields: readonly string[];
  /** Mesos does not know it yet. */
  readonly isNew: boolean;
}

/** Makes of what clients ask for the records that would hold then. */
export class Wishes {
  readonly #options: WishesOptions;

  constructor(options: WishesOptions) {
    this.#options = options;
  }

  /** The principal with which the bridge authenticates for a framework, where it is known. */
  principalOf(frameworkName: string): string | undefined {
    const { records, links } = this.#options;
    const known = records.known(frameworkName);
    return links.principalOf(frameworkName, known && { principal: readPrincipal(known.frameworkInfo) }).name;
  }

  /** @param known what is remembered of the framework @throws BridgeError, and what the request's `admit` throws */
  of(request: AttachRequest, known: FrameworkRecord | undefined): Wish {
    const { frameworkName } = request;
    const { defaultLeaseMs, links, records, randomness } = this.#options;
    const common = {
      leaseMs: Math.min(request.leaseMs ?? defaultLeaseMs?.() ?? DEFAULT_LEASE_MS, MAX_LEASE_MS),
      expiryPolicy: request.expiryPolicy,
      open: true,
      detachedAtMs: undefined,
    };
    if (!request.frameworkInfo) {
      if (!known) throw invalidField("framework_info", "is required for a framework that the bridge does not know");
      const { suppressedRoles, offerConstraints } = request;
      const record = {
        ...this.asNow(known),
        ...common,
        ...(suppressedRoles.length > 0 && { suppressedRoles }),
        ...(offerConstraints.length > 0 && { offerConstraints: Buffer.from(offerConstraints) }),
      };
      this.#admit(request, record, false);
      return { record, defaultedFields: [], isNew: false };
    }
    const principal = links.principalOf(frameworkName, known && { principal: readPrincipal(known.frameworkInfo) });
    const completed = completeFrameworkInfo(request.frameworkInfo, frameworkName, principal.name);
    checkPrincipal(completed.bytes, principal);
    const frameworkId = known?.frameworkId ?? completed.id ?? randomness.uuid();
    const { suppressedRoles } = request;
    const framework = { frameworkInfo: completed.bytes, suppressedRoles };
    this.#admit(request, framework, completed.id !== undefined && completed.id !== known?.frameworkId);
    if (known) checkUser(known.frameworkInfo, completed.bytes);
    if (completed.id !== undefined && completed.id !== frameworkId)
      throw otherId(frameworkName, frameworkId, completed.id);
    if (!known && completed.id !== undefined && records.isHeld(completed.id)) throw idOfAnother(completed.id);
    const record: FrameworkRecord = {
      ...common,
      frameworkName,
      frameworkId,
      frameworkInfo: completed.bytes,
      suppressedRoles,
      offerConstraints: Buffer.from(request.offerConstraints),
    };
    return { record, defaultedFields: completed.defaultedFields, isNew: !known && completed.id === undefined };
  }

  #admit(
    { admit, frameworkName }: AttachRequest,
    { frameworkInfo, suppressedRoles }: Pick<FrameworkRecord, "frameworkInfo" | "suppressedRoles">,
    imported: boolean,
  ): void {
    admit?.({ frameworkInfo, suppressedRoles, principal: this.principalOf(frameworkName), imported });
  }

  /** A remembered framework as this run of the bridge can subscribe it. */
  asNow(record: FrameworkRecord): FrameworkRecord {
    const { frameworkName, frameworkInfo } = record;
    const { name } = this.#options.links.principalOf(frameworkName, { principal: readPrincipal(frameworkInfo) });
    return { ...record, frameworkInfo: withPrincipal(frameworkInfo, name) };
  }
}

/**
 * Mesos keeps the user that a framework was created with, and says nothing of another one. What the bridge keeps would
 * then be a user that nothing runs as, and permissions and rules would look at that. @throws BridgeError INVALID_FIELD
 */
function checkUser(kept: Uint8Array, wanted: Uint8Array): void {
  const user = frameworkUserOf(kept);
  if (user === frameworkUserOf(wanted)) return;
  const cure = "leave the user as it is and set command.user, or tear the framework down to begin with another one";
  throw invalidField(
    "framework_info.user",
    `must be ${JSON.stringify(user)}: Mesos keeps the user that a framework was created with; ${cure}`,
  );
}

/** A client must not name somebody else's principal: it would be stored, and kept. @throws BridgeError INVALID_FIELD */
function checkPrincipal(frameworkInfo: Uint8Array, { name, fixed }: FrameworkPrincipal): void {
  if (!fixed || readPrincipal(frameworkInfo) === name) return;
  const wanted = name === undefined ? "unset: the bridge gives this framework none" : `unset, or '${name}'`;
  throw invalidField("framework_info.principal", `must be ${wanted} (serve --framework-principals)`);
}
