/** Takes the cluster's log lines; they end without a newline. */
export type Log = (line: string) => void;
