import type { FrameworkRecord } from "./frameworkStore.js";

/** True if both say the same of a framework. */
export function sameRecord(one: FrameworkRecord, other: FrameworkRecord): boolean {
  return (
    one.frameworkName === other.frameworkName &&
    one.frameworkId === other.frameworkId &&
    one.leaseMs === other.leaseMs &&
    one.expiryPolicy === other.expiryPolicy &&
    one.open === other.open &&
    one.detachedAtMs === other.detachedAtMs &&
    sameSubscription(one, other)
  );
}

/** True if Mesos has to know of no difference. */
export function sameSubscription(one: FrameworkRecord, other: FrameworkRecord): boolean {
  return (
    Buffer.compare(one.frameworkInfo, other.frameworkInfo) === 0 &&
    Buffer.compare(one.offerConstraints, other.offerConstraints) === 0 &&
    one.suppressedRoles.join("\n") === other.suppressedRoles.join("\n")
  );
}
