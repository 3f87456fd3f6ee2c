import type { StateView, StateWrite } from "./frameworkStore.js";

export function keyOf(write: StateWrite): string {
  return "put" in write ? write.put.key : write.remove;
}

/** What has to be written to have the state as it is now. @param writes what is about to change it, each of another key */
export function inverseOf(state: Pick<StateView, "find">, writes: readonly StateWrite[]): StateWrite[] {
  return writes.map((write) => {
    const key = keyOf(write);
    const known = state.find(key);
    return known ? { put: known } : { remove: key };
  });
}
