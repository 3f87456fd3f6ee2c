// A lock that several processes may want: a symbolic link that names its owner, because making one is atomic and it
// holds its content from the start.
import { randomUUID } from "node:crypto";
import { readlinkSync, rmSync, symlinkSync } from "node:fs";

/** A name for one owner of a lock: this process, and no other holding of a lock by it. */
export const newOwner = () => `${process.pid}-${randomUUID()}`;

/**
 * Takes the lock at a path, also from an owner that has died. False if another process has it, or was faster.
 *
 * Many may find the same owner dead. Were each to remove its link, one of them would remove the link of the next owner:
 * so that is done only by who has the lock for removing this very link, and only if it is still there.
 */
export function tryLock(path, owner) {
  if (make(path, owner)) return true;
  const other = ownerAt(path);
  if (other === undefined || mayLive(other)) return false;
  const removal = `${path}.${other}`;
  if (!tryLock(removal, owner)) return false;
  try {
    if (ownerAt(path) === other) rmSync(path);
  } finally {
    unlock(removal, owner);
  }
  return make(path, owner);
}

/** Gives the lock back, if this owner still has it. */
export function unlock(path, owner) {
  if (ownerAt(path) === owner) rmSync(path, { force: true });
}

function make(path, owner) {
  try {
    symlinkSync(owner, path);
    return true;
  } catch (error) {
    if (error.code !== "EEXIST") throw error;
    return false;
  }
}

/** Whoever has the lock; undefined if nobody does. */
function ownerAt(path) {
  try {
    return readlinkSync(path);
  } catch (error) {
    if (error.code === "ENOENT") return undefined;
    throw new Error(`${path} is not a lock: remove it`, { cause: error });
  }
}

/** True unless it is certain that the owner has ended. */
function mayLive(owner) {
  const [, pid] = /^(\d+)(?:-[0-9a-f-]+)?$/.exec(owner) ?? [];
  if (pid === undefined) return true;
  try {
    process.kill(Number(pid), 0);
  } catch (error) {
    return error.code !== "ESRCH";
  }
  return true;
}
