/** What tests use of reasons.mjs. */
export interface ReasonRow {
  name: string;
  status: string;
  streamStatus?: string;
  givenBy: "bridge" | "clients";
  retry: "never" | "later" | "attached";
  actor: "program" | "author" | "operator";
  happened: string;
  advice: string;
}
export declare function outdatedReasons(
  reasons?: readonly ReasonRow[],
  read?: (file: string) => string | undefined,
): { file: string; text: string }[];
