// Reads proto/mesosbridge/v1/reasons.json, the one table of the reasons that errors have. Node builtins only.
import { readFileSync } from "node:fs";
import { at } from "../lib.mjs";

export const TABLE = "proto/mesosbridge/v1/reasons.json";

const KEYS = ["name", "status", "streamStatus", "givenBy", "retry", "actor", "happened", "advice"];
/** Statuses that an error may have, in the order of gRPC's numbers. */
const STATUSES = [
  "CANCELLED",
  "UNKNOWN",
  "INVALID_ARGUMENT",
  "DEADLINE_EXCEEDED",
  "NOT_FOUND",
  "ALREADY_EXISTS",
  "PERMISSION_DENIED",
  "RESOURCE_EXHAUSTED",
  "FAILED_PRECONDITION",
  "ABORTED",
  "OUT_OF_RANGE",
  "UNIMPLEMENTED",
  "INTERNAL",
  "UNAVAILABLE",
  "DATA_LOSS",
  "UNAUTHENTICATED",
];

/** What each field may say, and what that means. */
const CHOICES = {
  status: STATUSES,
  // A stream that ends with the reason has this status, where it is not that of a call.
  streamStatus: [undefined, ...STATUSES],
  // `clients`: only this project's client libraries give it, and the bridge never does.
  givenBy: ["bridge", "clients"],
  // When the same request may succeed: `later` comes with RetryInfo, `attached` means with another attachment.
  retry: ["never", "later", "attached"],
  // Who has to act: the running program, its author, or the operator of the bridge.
  actor: ["program", "author", "operator"],
};

/** The reasons, in the order in which people read them. @throws Error that names what is wrong in the table */
export function readReasons(json = readFileSync(at(TABLE), "utf8")) {
  const reasons = JSON.parse(json).map((row) => ({ givenBy: "bridge", ...row }));
  const names = new Set();
  for (const reason of reasons) {
    const wrong = faultOf(reason) ?? (names.has(reason.name) ? "its name comes twice" : undefined);
    if (wrong !== undefined) throw new Error(`${TABLE}: ${reason.name}: ${wrong}`);
    names.add(reason.name);
  }
  return reasons;
}

function faultOf(reason) {
  if (!/^[A-Z]+(_[A-Z]+)*$/.test(reason.name)) return "a name consists of capital letters and _";
  const unknown = Object.keys(reason).find((key) => !KEYS.includes(key));
  if (unknown !== undefined) return `the field ${unknown} is not known`;
  for (const [key, values] of Object.entries(CHOICES)) {
    const choices = values.filter((value) => value !== undefined);
    if (!values.includes(reason[key])) return `${key} must be one of ${choices.join(", ")}`;
  }
  for (const key of ["happened", "advice"]) {
    if (!/^\S[^|\n]*\.$/.test(reason[key] ?? "")) return `${key} must be one line of sentences, without |`;
  }
  return undefined;
}
