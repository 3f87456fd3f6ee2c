import { type Finding, fail, ok, type Trouble, warn } from "./check.js";
import type { Examination } from "./examination.js";
import { withOthers } from "./sentence.js";

/**
 * Examines all masters at once. Those in trouble are left out by the checks that follow. That is a failure if none is left.
 *
 * @param trouble undefined if nothing is wrong with a master
 * @param detail for when nothing is wrong with any
 */
export async function eachMaster(
  examination: Examination,
  trouble: (master: URL) => Promise<Trouble | undefined>,
  detail: (masters: readonly URL[]) => string,
): Promise<Finding> {
  const { masters } = examination;
  const troubles = await Promise.all(masters.map(trouble));
  const [first, ...more] = troubles.filter((each) => each !== undefined);
  const good = masters.filter((_, at) => troubles[at] === undefined);
  if (first === undefined) return ok(detail(masters));
  if (good.length === 0) return fail(withOthers(first.cause, more.length), first.cure);
  examination.masters = good;
  return warn(withOthers(first.cause, more.length), first.cure);
}

export const hostsOf = (masters: readonly URL[]) => masters.map(({ host }) => host).join(", ");
