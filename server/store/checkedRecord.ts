import { z } from "zod";
import { FrameworkInfo } from "../../gen/mesos/v1/mesos.js";
import { errorText } from "../../wire/errorText.js";
import type { FrameworkRecord } from "../session/frameworkStore.js";

const text = (what: string) => z.string(`${what} is missing`);
const bytes = (what: string) => z.custom<Uint8Array>((value) => value instanceof Uint8Array, `${what} is missing`);

const recordSchema = z.object({
  frameworkName: text("its name"),
  frameworkId: text("its framework id").min(1, "its framework id is empty"),
  frameworkInfo: bytes("its FrameworkInfo"),
  suppressedRoles: z.array(z.string(), "its suppressed roles are missing"),
  offerConstraints: bytes("its offer constraints"),
  leaseMs: z.number("its lease is missing").nonnegative("its lease is negative"),
  expiryPolicy: z.enum(["disconnect", "teardown"], "its expiry policy is missing or unknown"),
  open: z.boolean("whether it is open is missing"),
  detachedAtMs: z.number("the time of its detaching is not a number").optional(),
});

export type Checked =
  | { readonly kind: "good"; readonly record: FrameworkRecord }
  | { readonly kind: "bad"; readonly reason: string };

/** Is this, as it was read, the record of a framework? */
export function checkedRecord(value: unknown): Checked {
  const parsed = recordSchema.safeParse(value);
  if (!parsed.success) return { kind: "bad", reason: parsed.error.issues[0]?.message ?? "it is not a record" };
  const { data } = parsed;
  try {
    FrameworkInfo.decode(data.frameworkInfo);
  } catch (error) {
    return { kind: "bad", reason: `its FrameworkInfo: ${errorText(error)}` };
  }
  return { kind: "good", record: { ...data, detachedAtMs: data.detachedAtMs } };
}
