/**
 * Runs what a timer, an event or an answer of Mesos brings about in a session. What it throws ends that session: the
 * process and its other sessions continue.
 */
export type Guard = (work: () => void) => void;
