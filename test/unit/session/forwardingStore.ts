import type {
  Changes,
  ContentBytes,
  Forgotten,
  FrameworkRecord,
  FrameworkStore,
  StateView,
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

  replace(record: FrameworkRecord, forgotten: Forgotten): Promise<void> {
    return this.inner.replace(record, forgotten);
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

  commit(frameworkName: string, changes: Changes): Promise<void> {
    return this.inner.commit(frameworkName, changes);
  }

  commitInTime(frameworkName: string, changes: Changes): Promise<void> {
    return this.inner.commitInTime(frameworkName, changes);
  }

  tasks(frameworkName: string): TaskRecord[] {
    return this.inner.tasks(frameworkName);
  }

  state(frameworkName: string): StateView {
    return this.inner.state(frameworkName);
  }

  contentBytes(frameworkName: string): ContentBytes {
    return this.inner.contentBytes(frameworkName);
  }

  reserve(frameworkName: string, bytes: number): () => void {
    return this.inner.reserve(frameworkName, bytes);
  }

  close(): Promise<void> {
    return this.inner.close();
  }
}
