/*
 * What a frame of a log holds: a protobuf message with these fields, applied in the order in which they stand. A frame
 * comes to the disk as a whole or not at all. The numbers are those of files on disks: none may change its meaning.
 */
export const Entry = {
  putFramework: 1,
  removeFramework: 2,
  putTasks: 3,
  removeTasks: 4,
  putState: 5,
  removeState: 6,
} as const;

export const Framework = {
  name: 1,
  id: 2,
  info: 3,
  suppressedRole: 4,
  offerConstraints: 5,
  leaseMs: 6,
  expiryPolicy: 7,
  open: 8,
  detachedAtMs: 9,
} as const;

/** Tasks that are put are messages, those that are removed only ids. */
export const Tasks = { frameworkName: 1, task: 2 } as const;

export const Task = { id: 1, agentId: 2, cookie: 3 } as const;

/** Entries that are put are messages, those that are removed only keys. `version` is the last one that was given. */
export const State = { frameworkName: 1, version: 2, entry: 3 } as const;

export const StateEntryFields = { key: 1, value: 2, version: 3 } as const;
