import type { ImageRecord } from "./image.js";
import type { Ledger } from "./ledger.js";

/** The images of a batch, by id and by state. What changes is in the ledger before it is here. */
export class ImageStore {
  readonly #ledger: Ledger;
  readonly #images = new Map<string, ImageRecord>();
  readonly #states = {
    waiting: new Map<string, ImageRecord>(),
    launched: new Map<string, ImageRecord>(),
    done: new Map<string, ImageRecord>(),
    failed: new Map<string, ImageRecord>(),
  };

  constructor(ledger: Ledger, images: readonly ImageRecord[]) {
    this.#ledger = ledger;
    this.save(images);
  }

  get all(): ImageRecord[] {
    return [...this.#images.values()];
  }

  find(id: string): ImageRecord | undefined {
    return this.#images.get(id);
  }

  /** The image whose task that is, or was. */
  ofTask(taskId: string): ImageRecord | undefined {
    return this.#images.get(taskId.slice(0, taskId.lastIndexOf("-")));
  }

  in(state: ImageRecord["state"]): ImageRecord[] {
    return [...this.#states[state].values()];
  }

  count(state: ImageRecord["state"]): number {
    return this.#states[state].size;
  }

  change(image: ImageRecord, changes: Partial<ImageRecord>): ImageRecord {
    const changed = { ...image, ...changes };
    this.save([changed]);
    return changed;
  }

  save(images: readonly ImageRecord[]): void {
    this.#ledger.saveImages(images);
    for (const image of images) {
      const before = this.#images.get(image.id);
      if (before !== undefined) this.#states[before.state].delete(image.id);
      this.#images.set(image.id, image);
      this.#states[image.state].set(image.id, image);
    }
  }
}
