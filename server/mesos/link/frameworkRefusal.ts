import type { FrameworkRefusal } from "./callOutcome.js";

/** Mesos's text for a framework that it has removed. */
const REMOVED = "Framework has been removed";
/** Mesos's text for a framework that somebody else has subscribed with. */
export const FAILED_OVER = "Framework failed over";

/** What Mesos means by the text of an ERROR event. @param told the text as others may see it */
export function frameworkRefusal(text: string, told: string): FrameworkRefusal {
  const cause = text === REMOVED ? "removed" : text === FAILED_OVER ? "failed-over" : "other";
  return { cause, message: told };
}
