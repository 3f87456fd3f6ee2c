import type { Clock } from "../../wire/clock.js";
import type { AttachedClient, Attachment } from "./attachment.js";
import type { Resume } from "./attachments.js";
import type { ExpiryPolicy } from "./frameworkStore.js";
import type { AttachOptions } from "./sessionOptions.js";

/** What a client asks for that attaches. */
export interface AttachRequest {
  /** Who attaches, as logs and lists name it. The transport finds out; sessions only hand it on. */
  readonly identity: string;
  /** Where its connection comes from. */
  readonly peer: string;
  readonly frameworkName: string;
  /** Serialized `mesos.v1.FrameworkInfo`; undefined: as stored. */
  readonly frameworkInfo: Uint8Array | undefined;
  readonly suppressedRoles: readonly string[];
  readonly offerConstraints: Uint8Array;
  readonly resume: Resume | undefined;
  readonly leaseMs: number | undefined;
  readonly expiryPolicy: ExpiryPolicy;
  readonly replaceRemoved: boolean;
  /** Whether it waits while another client is active. */
  readonly standby: boolean;
  /** Decides whether the caller may attach to the framework as it would be from then on. Nothing was changed. @throws BridgeError */
  readonly admit?: ((framework: AdmittedFramework) => void) | undefined;
  /** Whether the caller may still have the framework torn down. Asked when the lease runs out with the policy TEARDOWN. */
  readonly mayTearDown?: (() => boolean) | undefined;
  /** The client, which had to wait, is active now. */
  readonly onPromoted?: ((attachment: Attachment) => void) | undefined;
  /** It had to wait, and then could not become active. */
  readonly onNotPromoted?: ((error: unknown) => void) | undefined;
}

/** A framework as a client wants it, or as it is stored. */
export interface AdmittedFramework {
  /** Serialized, with what the bridge fills in. */
  readonly frameworkInfo: Uint8Array;
  readonly suppressedRoles: readonly string[];
  /** With which the bridge authenticates for it. */
  readonly principal: string | undefined;
  /** The client names an id that the bridge does not know under this name. */
  readonly imported: boolean;
}

/** The client that asks. */
export function clientOf({ identity, peer }: AttachRequest, clock: Clock): AttachedClient {
  return { identity, peer, sinceMs: clock.wallTime() };
}

/** What its session has to know when it becomes active. @param resume where it continues, if it may */
export function attachOptions(
  { replaceRemoved, mayTearDown }: AttachRequest,
  client: AttachedClient,
  defaultedFields: readonly string[],
  resume: Resume | undefined,
): AttachOptions {
  return { client, resume, defaultedFields, replaceRemoved, mayTearDown };
}
