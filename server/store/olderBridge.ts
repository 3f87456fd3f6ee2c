import { access } from "node:fs/promises";
import { join } from "node:path";
import type { Log } from "../log.js";
import { LMDB_FILE } from "./fileNames.js";

/** Looks out for an older bridge on the same data directory: it does not see that another one has it. */
export class OlderBridgeLookout {
  readonly #dataDir: string;
  readonly #log: Log;
  #isTold = false;

  constructor(dataDir: string, log: Log) {
    this.#dataDir = dataDir;
    this.#log = log;
  }

  /** Reports it once. To be called when what an older bridge has left is migrated. */
  async look(): Promise<void> {
    if (this.#isTold || !(await this.#writes())) return;
    this.#isTold = true;
    this.#log.error(
      { dataDir: this.#dataDir },
      "an older version of the bridge writes to the data directory as well: stop it, and remove its frameworks.mdb",
    );
  }

  #writes(): Promise<boolean> {
    return access(join(this.#dataDir, LMDB_FILE)).then(
      () => true,
      () => false,
    );
  }
}
