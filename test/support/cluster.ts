import { afterAll, beforeAll, beforeEach, describe } from "vitest";
import { startEmbeddedMesos } from "./embeddedMesos.js";
import { realMesosMissing, startRealMesos } from "./realMesos.js";

export interface ClusterOptions {
  /** The one kind to run cases on in which Mesos does nothing that the contract tests do not compare. Default: both */
  on?: MesosCluster["kind"];
  /** Default 1 */
  agents?: number;
  /** Of each agent, as `cpus:4;mem:2048`. Default: cpus:8;mem:8192;disk:10240;ports:[31000-32000] */
  resources?: string;
  /** Of each agent, as `rack:a;zone:west`. */
  attributes?: string;
  /** Flags of mesos-master and mesos-agent, as `{ offer_timeout: "5secs" }`. */
  flags?: Record<string, string>;
  /** Principals with their secrets; frameworks then have to authenticate. */
  credentials?: Record<string, string>;
  /** Default: a new one, removed at `stop()` */
  workDir?: string;
  /** Default: any free one */
  port?: number;
}

/** A running cluster: one master, and agents. Whoever starts one stops it. */
export interface MesosCluster {
  readonly kind: "real" | "embedded";
  /** As `http://127.0.0.1:5050`. */
  readonly master: string;
  readonly port: number;
  readonly workDir: string;
  /** What the master and the agents said. */
  log(): Promise<string>;
  /** Ends master, agents and executors. */
  stop(): Promise<void>;
  /** Ends master and agents as a crash does. Executors live on. `stop()` is still needed. */
  crash(): Promise<void>;
  /**
   * After a crash: starts it again on the same port with what it had written, and waits for all agents.
   *
   * @param whileAgentsAreAway runs when the master answers and no agent has registered yet. On the real one agents
   *   stay away only as long as executors of theirs, with checkpoints, have not subscribed again, and no longer
   *   than executor_reregistration_timeout
   */
  recover(whileAgentsAreAway?: () => Promise<void>): Promise<void>;
}

type Start = (options: ClusterOptions) => Promise<MesosCluster>;

/** MESOS=real or MESOS=embedded leaves the other out, for work on one of them. */
const only = process.env.MESOS;

const kinds: { kind: MesosCluster["kind"]; start: Start; missing: string | undefined }[] = [
  { kind: "real", start: startRealMesos, missing: realMesosMissing() },
  { kind: "embedded", start: startEmbeddedMesos, missing: undefined },
];

/**
 * Runs the same cases on a real and on an embedded Mesos, one cluster for all of them. Both kinds run at the same time,
 * since most cases wait for Mesos; the cases of one kind run one after the other. Without a real Mesos its half is
 * skipped, or with CI=true fails.
 *
 * @param body gets a function that gives the cluster, to be called inside of tests and hooks. It runs once per kind: what
 *   the cases of a kind share belongs into it. Cases in which Mesos does nothing that the contract tests do not compare
 *   may run on the embedded one alone, by the kind that it gets
 */
export function describeEachMesos(
  name: string,
  options: ClusterOptions,
  body: (mesos: () => MesosCluster, kind: MesosCluster["kind"]) => void,
): void {
  describe(name, () => {
    for (const { kind, start, missing } of kinds.filter((each) => (only ?? options.on ?? each.kind) === each.kind)) {
      const wanted = missing === undefined || process.env.CI === "true";
      describe.runIf(wanted)(`${kind} Mesos`, { concurrent: true }, () => {
        describe.sequential("cases", () =>
          describeCluster(
            kind,
            missing,
            () => start(options),
            (mesos) => body(mesos, kind),
          ));
      });
    }
  });
}

function describeCluster(
  kind: MesosCluster["kind"],
  missing: string | undefined,
  start: () => Promise<MesosCluster>,
  body: (mesos: () => MesosCluster) => void,
): void {
  let cluster: MesosCluster | undefined;
  beforeAll(async () => {
    if (missing !== undefined) throw new Error(missing);
    cluster = await start();
  });
  afterAll(() => cluster?.stop());
  beforeEach(async ({ onTestFailed }) => {
    const before = (await cluster?.log())?.length ?? 0;
    onTestFailed(async () => console.error(`what the ${kind} Mesos said:\n${await logSince(cluster, before)}`));
  });
  body(() => {
    if (!cluster) throw new Error("the cluster runs only within tests and hooks");
    return cluster;
  });
}

/** The last lines of what the cluster has logged since there were `before` characters. */
async function logSince(cluster: MesosCluster | undefined, before: number): Promise<string> {
  const log = (await cluster?.log()) ?? "";
  return log.slice(before).split("\n").slice(-40).join("\n");
}
