import { resolve } from "node:path";
import { AgentInfo, type Attribute, type Resource } from "../gen/mesos/v1/mesos.js";
import { errorText, errorTrace } from "../wire/errorText.js";
import { EmbeddedAgent } from "./agent/agent.js";
import { Checkpoints } from "./agent/checkpoints.js";
import { type Clock, systemClock } from "./clock.js";
import { DEFAULT_RESOURCES, Flags, type FlagValues } from "./flags.js";
import type { Credential } from "./http/basicAuth.js";
import { HttpServer } from "./http/server.js";
import { JsonFolder } from "./jsonFolder.js";
import type { Log } from "./log.js";
import { EmbeddedMaster } from "./master/master.js";
import { Registry } from "./master/registry.js";
import type { StandDown } from "./master/schedulerApi.js";
import { parseAttributes } from "./resources/attributes.js";
import { withMachineResources } from "./resources/machine.js";
import { parseResources } from "./resources/parse.js";
import { Resources } from "./resources/resources.js";
import { type LockFolder, WorkDirectory } from "./workDirectory.js";

export interface EmbeddedClusterOptions {
  /** Port of the master; 0, the default, takes any free one. */
  port?: number;
  /** How many agents. Default 1. */
  agents?: number;
  /**
   * Where sandboxes and volumes lie. One cluster uses it at a time. What an earlier one made there is removed first,
   * unless `keep`, and nothing else is.
   */
  workDir: string;
  /** Keeps other clusters out of the work directory. */
  lock: LockFolder;
  /**
   * Continue where another run with this work directory and `keep` was killed: agents and frameworks keep their ids, tasks
   * of frameworks with checkpoints keep running. Command tasks then have their own executor processes. Default false.
   */
  keep?: boolean;
  /**
   * Of each agent, in Mesos's text form. Default `cpus:8;mem:8192;disk:10240;ports:[31000-32000]`. Of cpus, mem, disk and ports
   * those that a text does not name are the machine's, as a real agent has it.
   */
  resources?: string;
  /** Of each agent, such as `rack:a;zone:west`. Default none. */
  attributes?: string;
  /** Frameworks have to authenticate as one of these. Default: none has to. */
  credentials?: readonly Credential[];
  /** Flags of Mesos under their own names, such as `{ offer_timeout: "5secs" }`. */
  flags?: FlagValues;
  /** Takes log lines. Default: they are dropped. */
  log?: Log;
  /** Default: the machine's time. */
  clock?: Clock;
}

/** A Mesos cluster in this process: a master and agents with ports of their own. For development and tests. */
export interface EmbeddedCluster {
  /** The master's address, such as `http://127.0.0.1:5050`. */
  readonly url: string;
  readonly agentUrls: readonly string[];
  /** The current master's id; a new one after each failover. */
  readonly masterId: string;
  /** The agents' ids, in the order of `agentUrls`; undefined while one isn't registered. */
  readonly agentIds: ReadonlyArray<string | undefined>;
  /** Breaks a framework's event stream, as a network failure. @returns false if it has none. */
  dropStream(frameworkId: string): boolean;
  /** Breaks an executor's event stream. */
  dropExecutorStream(agent: number, frameworkId: string, executorId: string): void;
  /** Crashes an agent: its connections break, its executors keep running. */
  stopAgent(agent: number): Promise<void>;
  /**
   * Starts a stopped agent: it registers again, with what still runs. One that was marked gone meanwhile starts as a new
   * one; one whose machine is down does not start, and the log says so.
   */
  startAgent(agent: number): Promise<void>;
  /** Ends an agent in good order: it takes leave of the master, its executors end. */
  unregisterAgent(agent: number): void;
  /** While set, master and agent don't hear each other and nobody tells them so. */
  partitionAgent(agent: number, partitioned: boolean): void;
  /** Crashes the master: all its connections break, and none are accepted. */
  stopMaster(): Promise<void>;
  /** Starts a master anew on the same port: another id, and no memory but of which agents there are. */
  startMaster(): Promise<void>;
  /** `stopMaster` and `startMaster`. */
  failoverMaster(): Promise<void>;
  /** Makes the master answer 307 to another leader (`host:port`) or 503; undefined makes it the leader again. */
  standDown(how: StandDown | undefined): void;
  /** Ends executors, agents and master. */
  close(): Promise<void>;
}

/**
 * Starts a cluster; resolves when the master answers and all agents are registered that it does not refuse.
 *
 * @throws Error in one clear line for bad resources, attributes or flags, a port in use, a work directory
 *   that is in use, or holds somebody else's files under the names of the cluster's own, or can't be written to.
 */
export async function startEmbeddedCluster(options: EmbeddedClusterOptions): Promise<EmbeddedCluster> {
  const cluster = new Cluster(options);
  try {
    await cluster.start();
  } catch (error) {
    await cluster.close();
    throw error;
  }
  return cluster;
}

class Cluster implements EmbeddedCluster {
  readonly #options: EmbeddedClusterOptions;
  readonly #clock: Clock;
  readonly #flags: Flags;
  readonly #log: Log;
  #workDirectory: WorkDirectory | undefined;
  /** As the text names them. */
  readonly #named: Resource[];
  readonly #attributes: Attribute[];
  #registry = new Registry();
  #folder: JsonFolder | undefined;
  readonly #agents: EmbeddedAgent[] = [];
  #server: HttpServer | undefined;
  #master: EmbeddedMaster | undefined;
  #standDown: StandDown | undefined;
  #port: number;

  constructor(options: EmbeddedClusterOptions) {
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
    this.#flags = new Flags(options.flags);
    this.#log = options.log ?? (() => {});
    this.#named = parseResources(options.resources ?? DEFAULT_RESOURCES);
    this.#attributes = parseAttributes(options.attributes ?? "");
    this.#port = options.port ?? 0;
  }

  get url(): string {
    return `http://127.0.0.1:${this.#port}`;
  }

  get agentUrls(): readonly string[] {
    return this.#agents.map((agent) => agent.url);
  }

  get agentIds(): ReadonlyArray<string | undefined> {
    return this.#agents.map((agent) => agent.id);
  }

  get masterId(): string {
    return this.#master?.state.id ?? "";
  }

  async start(): Promise<void> {
    const count = this.#options.agents ?? 1;
    const directory = await this.#openWorkDirectory(count);
    await this.startMaster();
    const described = withMachineResources(this.#named, resolve(this.#options.workDir));
    const resources = Resources.of(described);
    for (let index = 0; index < count; index++) {
      const workDir = directory.agent(index);
      const agent = new EmbeddedAgent({
        clock: this.#clock,
        flags: this.#flags,
        log: this.#log,
        workDir,
        checkpoints: this.#folder && new Checkpoints(workDir),
        info: AgentInfo.create({
          hostname: this.#flags.text("hostname"),
          attributes: this.#attributes,
          resources: described,
        }),
        resources,
      });
      this.#agents.push(agent);
      await this.startAgent(index);
    }
  }

  dropStream(frameworkId: string): boolean {
    return this.#master?.dropStream(frameworkId) ?? false;
  }

  dropExecutorStream(agent: number, frameworkId: string, executorId: string): void {
    this.#agent(agent).dropExecutorStream(frameworkId, executorId);
  }

  stopAgent(agent: number): Promise<void> {
    return this.#agent(agent).stop();
  }

  async startAgent(index: number): Promise<void> {
    const agent = this.#agent(index);
    await agent.start();
    if (!this.#master) return;
    const { id } = agent;
    let refusal = await agent.connect(this.#master.agents);
    if (refusal !== undefined && id !== undefined) {
      // As one that is marked gone: its id is used up, and whoever starts it again gets a new agent.
      this.#log(`agent ${id} is refused (${refusal}): it starts as a new one`);
      await agent.start();
      refusal = await agent.connect(this.#master.agents);
    }
    if (refusal !== undefined) this.#log(`agent ${index + 1} does not run: the master refuses it (${refusal})`);
  }

  unregisterAgent(agent: number): void {
    this.#agent(agent).unregister();
  }

  partitionAgent(agent: number, partitioned: boolean): void {
    this.#agent(agent).partitioned = partitioned;
  }

  async stopMaster(): Promise<void> {
    const [server, master] = [this.#server, this.#master];
    this.#server = undefined;
    this.#master = undefined;
    master?.close();
    for (const agent of this.#agents) agent.disconnect();
    await server?.close();
  }

  async startMaster(): Promise<void> {
    if (this.#server) return;
    const server = new HttpServer(
      (request) => this.#master?.handle(request) ?? { status: 503 },
      (error) => this.#log(`master: ${errorTrace(error)}`),
    );
    this.#port = await server.listen(this.#port, "choose another with --port, or 0 for any free one");
    this.#folder?.write("address", { port: this.#port });
    this.#server = server;
    const master = new EmbeddedMaster(
      { clock: this.#clock, flags: this.#flags, registry: this.#registry, port: this.#port, log: this.#log },
      this.#options.credentials ?? [],
    );
    master.standDown = this.#standDown;
    this.#master = master;
    await Promise.all(this.#agents.filter((agent) => agent.running).map((agent) => agent.connect(master.agents)));
  }

  async failoverMaster(): Promise<void> {
    await this.stopMaster();
    await this.startMaster();
  }

  standDown(how: StandDown | undefined): void {
    this.#standDown = how;
    if (this.#master) this.#master.standDown = how;
  }

  async close(): Promise<void> {
    await this.stopMaster();
    await Promise.all(this.#agents.map((agent) => agent.close()));
    await this.#workDirectory?.release();
  }

  async #openWorkDirectory(agents: number): Promise<WorkDirectory> {
    const { keep = false, lock, workDir } = this.#options;
    const path = resolve(workDir);
    try {
      const directory = await WorkDirectory.open({ path, agents, keep, lock });
      this.#workDirectory = directory;
      if (keep) this.#takeUp(new JsonFolder(directory.master));
      return directory;
    } catch (error) {
      throw new Error(`the work directory ${path} can't be used: ${errorText(error)}`);
    }
  }

  #takeUp(folder: JsonFolder): void {
    this.#folder = folder;
    this.#registry = new Registry(folder);
    // Whoever knows the master's address finds it again.
    if (this.#port === 0) this.#port = (folder.read("address") as { port: number } | undefined)?.port ?? 0;
  }

  #agent(index: number): EmbeddedAgent {
    const agent = this.#agents[index];
    if (!agent) throw new Error(`there is no agent ${index}: the cluster has ${this.#agents.length}, counted from 0`);
    return agent;
  }
}
