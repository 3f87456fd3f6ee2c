import type { Clock } from "../../../wire/clock.js";
import { Secrets } from "../../../wire/secrets.js";
import type { MasterSpec } from "../../mesos/detect/masterSpec.js";
import type { ZookeeperConnection } from "../../mesos/detect/zookeeperConnection.js";
import { type Authentication, noAuthentication } from "../../mesos/link/authentication.js";
import type { FrameworkPrincipals } from "../../mesos/link/frameworkPrincipals.js";
import { type ClientTls, plainTls } from "../../mesos/tls/clientTls.js";
import type { FrameworkRecord } from "../../session/frameworkStore.js";
import type { Protection } from "../listening.js";
import { Opened } from "../opened.js";
import type { ServeConfig } from "../serveConfig.js";
import type { Standing, VersionAnswer } from "./answers.js";

/** What the doctor needs to know of the machine on which it runs. */
export interface Machine {
  readonly clock: Clock;
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** `ulimit -n`; undefined where the system does not say. */
  readonly openFiles: number | undefined;
}

export type ZookeeperSpec = Extract<MasterSpec, { kind: "zookeeper" }>;

/** What is being examined, and what earlier checks have found that later ones need. */
export class Examination {
  readonly config: ServeConfig;
  readonly machine: Machine;
  /** How clients' connections are protected, once the files were read. */
  protection: Protection | undefined;
  authentication: Authentication = noAuthentication;
  principals: FrameworkPrincipals | undefined;
  masterTls: ClientTls = plainTls;
  zookeeperTls: ClientTls = plainTls;
  records: readonly FrameworkRecord[] = [];
  zookeeper: ZookeeperConnection | undefined;
  /** The node of the leading master in ZooKeeper. */
  leaderNode: string | undefined;
  /** Those to which the next check can talk. */
  masters: readonly URL[];
  leader: URL | undefined;
  /** Answers, by the master's origin. */
  readonly versions = new Map<string, Promise<VersionAnswer>>();
  readonly standings = new Map<string, Promise<Standing>>();
  readonly #ofOptions = new Secrets();
  /** What checks opened for later ones. */
  readonly opened = new Opened();

  constructor(config: ServeConfig, machine: Machine) {
    this.config = config;
    this.machine = machine;
    this.masters = config.master.kind === "list" ? config.master.urls : [];
    const { zookeeperSpec } = this;
    if (zookeeperSpec?.auth === undefined) return;
    this.#ofOptions.remember(zookeeperSpec.auth, zookeeperSpec.auth.slice(zookeeperSpec.auth.indexOf(":") + 1));
  }

  /** Undefined if the masters are given as a list. */
  get zookeeperSpec(): ZookeeperSpec | undefined {
    return this.config.master.kind === "zookeeper" ? this.config.master : undefined;
  }

  /** A text without the secrets that the options name. */
  redact(text: string): string {
    const principals = [...(this.principals?.credentials.values() ?? [])];
    const all = [this.#ofOptions, this.authentication.secrets, ...principals.map(({ secrets }) => secrets)];
    return all.reduce((redacted, secrets) => secrets.redact(redacted), text);
  }
}
