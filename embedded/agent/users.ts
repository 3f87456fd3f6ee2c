import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";

/** For the system's own look-up, which may ask a directory server. */
const LOOK_UP_TIMEOUT_MS = 5000;

export interface User {
  readonly uid: number;
  readonly gid: number;
}

/** A user of this machine by name, not by number; undefined for an unknown one. */
export function findUser(name: string): User | undefined {
  if (name === "" || name.includes("\0")) return undefined;
  return inPasswordFile(name) ?? bySystem(name);
}

function inPasswordFile(name: string): User | undefined {
  try {
    for (const line of readFileSync("/etc/passwd", "utf8").split("\n")) {
      const [user, , uid, gid] = line.split(":");
      if (user === name) return { uid: Number(uid), gid: Number(gid) };
    }
  } catch {
    // The system may know users without it.
  }
  return undefined;
}

/** Users of a directory service. `id` takes numbers too, which the name that it gives back tells apart. */
function bySystem(name: string): User | undefined {
  const ask = (option: string) =>
    execFileSync("id", [option, "--", name], {
      encoding: "utf8",
      stdio: ["ignore", "pipe", "ignore"],
      timeout: LOOK_UP_TIMEOUT_MS,
    }).trimEnd();
  try {
    return ask("-un") === name ? { uid: Number(ask("-u")), gid: Number(ask("-g")) } : undefined;
  } catch {
    return undefined;
  }
}
