import { OK } from "./answers.js";
import type { CallOrder } from "./callOrder.js";
import { checkKeyCount, checkReplaced, checkRoom } from "./contentLimits.js";
import { stateChanged, storeUnavailable } from "./errors.js";
import type { FrameworkStore, StateView, StateWrite } from "./frameworkStore.js";
import type { CallAnswer } from "./requestMemory.js";
import { inverseOf, keyOf } from "./stateWrites.js";

/** A change that a client asks for. */
export interface StateChange {
  readonly key: string;
  /** Undefined: the key is deleted. */
  readonly value: Uint8Array | undefined;
  /** The version that the key must have; 0: it must not be there. Undefined: whatever there is. */
  readonly ifVersion: number | undefined;
  /** What the client calls `ifVersion`, for errors. */
  readonly field: string;
}

/** Changes that may be made now. Their keys are locked until they are released. */
export interface PreparedChanges {
  readonly writes: readonly StateWrite[];
  /** The version that the keys get; 0 if none is written. */
  readonly version: number;
  /** What has to be written to undo them, in what there is then. */
  undo(): readonly StateWrite[];
  release(): void;
}

type Answered = (answer: CallAnswer) => void;

/** A call that waits for keys. */
interface WaitingCall {
  readonly keys: Keys;
  readonly again: () => void;
}

type Keys = readonly string[] | "all";

/** What a session needs for its state. */
export interface SchedulerStateParts {
  /** The framework's name never changes. */
  readonly frameworkName: string;
  readonly store: FrameworkStore;
  readonly order: CallOrder;
  /** A bug of the bridge. */
  readonly fault: (error: unknown) => void;
}

/**
 * What a framework's scheduler has the bridge remember, by keys. The keys of a change are locked until it is known to
 * stay: until it is on the disk, or until Mesos has answered the launch that it belongs to. Calls that need such a key
 * wait, and so do the calls behind them.
 */
export class SchedulerState {
  readonly #parts: SchedulerStateParts;
  readonly #locked = new Set<string>();
  /** Keys that are not there, and will be again if changes are undone. */
  #keysToReturn = 0;
  /** One at most: the calls behind it wait in the order. */
  #waiting: WaitingCall | undefined;

  constructor(parts: SchedulerStateParts) {
    this.#parts = parts;
  }

  /** Reads keys once none of them is locked. `done` is called once. */
  read(keys: Keys, read: (state: StateView) => void, done: Answered): void {
    this.whenFree(keys, done, () => {
      read(this.#view);
      done(OK);
    });
  }

  /** Changes keys. `done` is called once, when the disk shows it. @throws BridgeError STATE_CHANGED, LIMIT_REACHED */
  change(changes: readonly StateChange[], done: Answered): void {
    this.whenFree(keysOf(changes), done, () => {
      const prepared = this.#prepare(changes, growthOf(changes, this.#view), 0);
      const { frameworkName, store, fault } = this.#parts;
      store
        .commit(frameworkName, { state: prepared.writes })
        .then(
          () => done({ ...OK, stateVersion: prepared.version }),
          (error: unknown) => done({ error: storeUnavailable(error) }),
        )
        .catch(fault)
        .finally(() => prepared.release())
        .catch(fault);
    });
  }

  /**
   * Makes the call whose turn it is once none of these keys is locked. If its client is not the active one any more by
   * then, `done` gets the error.
   */
  whenFree(keys: Keys, done: Answered, make: () => void): void {
    if (!this.#areLocked(keys)) return make();
    const { again } = this.#parts.order.hold();
    this.#waiting = { keys, again: () => again(make, done) };
  }

  /**
   * Locks the keys of a launch, which must be free, keeps room for what Mesos may have it restore, and says what is to be
   * written.
   *
   * @param cookieBytes that the same commit needs
   * @throws BridgeError INVALID_FIELD, STATE_CHANGED, LIMIT_REACHED; then nothing is locked
   */
  prepareLaunch(changes: readonly StateChange[], cookieBytes: number): PreparedChanges {
    const growth = growthOf(changes, this.#view);
    const { keys, added, replaced } = growth;
    checkReplaced(replaced);
    const prepared = this.#prepare(changes, growth, cookieBytes);
    // Mesos may be silent for long, and others must not take the room of what may come back.
    const keysToReturn = Math.max(0, -keys);
    this.#keysToReturn += keysToReturn;
    const unreserve = this.#parts.store.reserve(this.#parts.frameworkName, Math.max(0, replaced - added));
    const release = () => {
      this.#keysToReturn -= keysToReturn;
      unreserve();
      prepared.release();
    };
    return { ...prepared, release };
  }

  /** Locks keys that are free, and says what is to be written. */
  #prepare(changes: readonly StateChange[], { keys, added, replaced }: Growth, moreBytes: number): PreparedChanges {
    const { frameworkName, store } = this.#parts;
    const view = this.#view;
    for (const change of changes) checkVersion(change, view.find(change.key)?.version ?? 0);
    checkKeyCount(view.size + this.#keysToReturn, keys);
    checkRoom(store.contentBytes(frameworkName), added - replaced + moreBytes);
    const known = view.version;
    const version = known + 1;
    const writes = changes.map((change) => writeOf(change, version));
    const before = inverseOf(view, writes);
    for (const { key } of changes) this.#locked.add(key);
    return {
      writes,
      version: writes.some((write) => "put" in write) ? version : 0,
      // A framework that was forgotten meanwhile has no state.
      undo: () => (this.#view.version < known ? [] : before),
      release: () => this.#release(writes),
    };
  }

  get #view(): StateView {
    return this.#parts.store.state(this.#parts.frameworkName);
  }

  #areLocked(keys: Keys): boolean {
    return keys === "all" ? this.#locked.size > 0 : keys.some((key) => this.#locked.has(key));
  }

  #release(writes: readonly StateWrite[]): void {
    for (const write of writes) this.#locked.delete(keyOf(write));
    const waiting = this.#waiting;
    if (!waiting || this.#areLocked(waiting.keys)) return;
    this.#waiting = undefined;
    waiting.again();
  }
}

/** Of the values that come. */
export function bytesOf(changes: readonly StateChange[]): number {
  return changes.reduce((bytes, { value }) => bytes + (value?.length ?? 0), 0);
}

export function keysOf(changes: readonly StateChange[]): string[] {
  return changes.map(({ key }) => key);
}

function checkVersion({ key, ifVersion, field }: StateChange, version: number): void {
  if (ifVersion !== undefined && ifVersion !== version) throw stateChanged(key, version, ifVersion, field);
}

interface Growth {
  /** How many more keys there are. */
  readonly keys: number;
  /** Bytes of keys and values that come. */
  readonly added: number;
  /** Bytes of those that go. */
  readonly replaced: number;
}

function growthOf(changes: readonly StateChange[], view: StateView): Growth {
  let keys = 0;
  let added = 0;
  let replaced = 0;
  for (const { key, value } of changes) {
    const known = view.find(key);
    if (known) replaced += key.length + known.value.length;
    if (value) added += key.length + value.length;
    keys += (value ? 1 : 0) - (known ? 1 : 0);
  }
  return { keys, added, replaced };
}

/** With bytes of its own, since those of a request are part of a larger buffer. */
function writeOf({ key, value }: StateChange, version: number): StateWrite {
  return value ? { put: { key, value: Buffer.from(value), version } } : { remove: key };
}
