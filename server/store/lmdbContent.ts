/** The status with which the reader of such a file ends where its content is not what LMDB wrote. */
export const DAMAGED = 3;

/** What a file of LMDB held, as JSON. Records are as they were found: nothing is checked. */
export interface LmdbContent {
  /** Who said last that it writes to the file. */
  readonly owner: LmdbOwner | undefined;
  readonly frameworks: readonly LmdbRecord[];
  /** Name of the framework, task id, agent id. */
  readonly tasks: readonly (readonly [string, string, string])[];
}

export type LmdbRecord = Record<string, unknown> & {
  /** In base64; undefined where there are no bytes. */
  readonly frameworkInfo: string | undefined;
  readonly offerConstraints: string | undefined;
};

export interface LmdbOwner {
  readonly pid: number;
  readonly socket: string;
}
