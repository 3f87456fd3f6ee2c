import type {
  CookieBytes,
  FrameworkRecord,
  FrameworkStore,
  TaskRecord,
} from "../../../server/session/frameworkStore.js";

/** A store that hands everything on to another one, for tests that change one thing about it. */
export class ForwardingStore implements FrameworkStore {
  readonly inner: FrameworkStore;

  constructor(inner: FrameworkStore) {
    this.inner = inner;
  }

  frameworks(): FrameworkRecord[] {
    return this.inner.frameworks();
  }

  framework(frameworkName: string): FrameworkRecord | undefined {
    return this.inner.framework(frameworkName);
  }

  put(record: FrameworkRecord): Promise<void> {
    return this.inner.put(record);
  }

  remove(frameworkName: string): Promise<void> {
    return this.inner.remove(frameworkName);
  }

  replace(record: FrameworkRecord): Promise<void> {
    return this.inner.replace(record);
  }

  setOverdue(frameworkName: string, isOverdue: boolean): void {
    this.inner.setOverdue(frameworkName, isOverdue);
  }

  putTasks(frameworkName: string, tasks: readonly TaskRecord[]): void {
    this.inner.putTasks(frameworkName, tasks);
  }

  removeTask(frameworkName: string, taskId: string): void {
    this.inner.removeTask(frameworkName, taskId);
  }

  commitTasks(frameworkName: string, tasks: readonly TaskRecord[]): Promise<void> {
    return this.inner.commitTasks(frameworkName, tasks);
  }

  commitRemovals(frameworkName: string, taskIds: readonly string[]): Promise<void> {
    return this.inner.commitRemovals(frameworkName, taskIds);
  }

  tasks(frameworkName: string): TaskRecord[] {
    return this.inner.tasks(frameworkName);
  }

  cookieBytes(frameworkName: string): CookieBytes {
    return this.inner.cookieBytes(frameworkName);
  }

  close(): Promise<void> {
    return this.inner.close();
  }
}
