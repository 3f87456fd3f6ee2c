import type { MasterAnswer } from "../../mesos/link/masterRequest.js";

/** Why there is no answer, and whether TLS is the reason. */
export interface Silence {
  readonly kind: "silent";
  readonly text: string;
  readonly byTls: boolean;
}

/** What a master says to `GET /version`, for which it wants no credentials. */
export type VersionAnswer =
  | Silence
  | {
      readonly kind: "answer";
      readonly answer: MasterAnswer;
      /** Of Mesos; undefined if it does not say, or is something else. */
      readonly version: string | undefined;
      /** Its clock less this machine's, in ms; undefined if it does not say. */
      readonly clockOffMs: number | undefined;
    };

/** What a master is, by its answer to a GET of what schedulers POST to. */
export type Standing =
  | Silence
  | { readonly kind: "leads" }
  | { readonly kind: "follows"; readonly leader: URL }
  | { readonly kind: "refuses"; readonly status: number; readonly text: string }
  | { readonly kind: "foreign"; readonly status: number };
