import { setTimeout as sleep } from "node:timers/promises";
import { Backoff } from "../../../wire/backoff.js";
import { systemClock } from "../../../wire/clock.js";
import { errorText } from "../../../wire/errorText.js";
import type { Log } from "../../log.js";
import { LoggedTrouble } from "../../logTrouble.js";
import { type ClientTls, plainTls } from "../tls/clientTls.js";
import type { MasterDetector } from "./detector.js";
import { masterUrl } from "./masterInfo.js";
import type { MasterScheme, MasterSpec } from "./masterSpec.js";
import { NO_AUTH, NO_NODE, ZookeeperConnection, ZookeeperError } from "./zookeeperConnection.js";

export interface ZookeeperDetectorOptions {
  readonly log: Log;
  /** What connections to ZooKeeper use if the specification says TLS. Default: no certificate, and Node's authorities. */
  readonly tls?: ClientTls;
  /** What masters speak: their nodes don't tell. Default http. */
  readonly scheme?: MasterScheme;
  /** Session time to ask for, in ms. A silent server is given up after two thirds of it. Default 10,000, as Mesos's. */
  readonly sessionTimeoutMs?: number;
  /** How long connecting to one server may take, in ms. Default 3,000. */
  readonly connectTimeoutMs?: number;
  /** How often the nodes are read again without a change being told, in ms. Default 5,000. */
  readonly rereadMs?: number;
  /** Upper bound of the first wait between attempts to connect, in ms. Default 100. */
  readonly initialBackoffMs?: number;
  /** Upper bound of all of them, in ms. Default 5,000. */
  readonly maxBackoffMs?: number;
}

type ZookeeperSpec = Extract<MasterSpec, { kind: "zookeeper" }>;
type Listener = (leader: URL | undefined) => void;

interface Waiter {
  resolve(url: URL): void;
  reject(error: Error): void;
  onWaiting(reason: string): void;
}

/** What the nodes say: the leading master, or why there is none. */
type Reading = { readonly node: string; readonly url: URL } | { readonly problem: string };

/** Nodes may come and go while they are read; after so many times the next change or re-reading has to do. */
const MAX_READS_AT_ONCE = 10;

/**
 * Finds the leading master as Mesos's own parts do: masters make `json.info_<sequence>` nodes below the path, and the
 * one with the lowest sequence leads. While ZooKeeper is away, the last leader that it named stays the leader: a
 * master that works must not be left because of that.
 */
export class ZookeeperDetector implements MasterDetector {
  readonly #spec: ZookeeperSpec;
  readonly #options: ZookeeperDetectorOptions;
  readonly #servers: readonly Server[];
  readonly #backoff: Backoff;
  readonly #stop = new AbortController();
  readonly #listeners = new Set<Listener>();
  readonly #waiters = new Set<Waiter>();
  readonly #running: Promise<void>;
  #leader: { node: string; url: URL } | undefined;
  /** Where a master said that another one leads, until it fails or the nodes change. */
  #redirect: URL | undefined;
  /** Why there is no leader. */
  #noLeader: string;
  /** What is wrong with ZooKeeper itself; empty while it can be read. */
  #trouble = "";
  readonly #loggedTrouble: LoggedTrouble;
  readonly #loggedAbsence: LoggedTrouble;
  #closed = false;
  /** The wait between two attempts to connect. */
  #pause = new AbortController();

  constructor(spec: ZookeeperSpec, options: ZookeeperDetectorOptions) {
    this.#spec = spec;
    this.#options = options;
    this.#servers = shuffled(spec.servers.split(",").map(parseServer));
    this.#backoff = new Backoff({ initialMs: options.initialBackoffMs ?? 100, maxMs: options.maxBackoffMs ?? 5_000 });
    this.#noLeader = `${this.#name} has not been read yet`;
    this.#loggedTrouble = new LoggedTrouble(options.log, systemClock);
    this.#loggedAbsence = new LoggedTrouble(options.log, systemClock);
    this.#running = this.#run();
  }

  next(signal: AbortSignal, onWaiting: (reason: string) => void = () => {}): Promise<URL> {
    return new Promise((resolve, reject) => {
      if (this.#closed) return reject(new Error("the detection of masters is closed"));
      if (signal.aborted) return reject(signal.reason);
      const known = this.#redirect ?? this.#leader?.url;
      if (known) return resolve(known);
      const settle = (step: () => void) => {
        this.#waiters.delete(waiter);
        signal.removeEventListener("abort", abort);
        step();
      };
      const abort = () => settle(() => reject(signal.reason));
      const waiter: Waiter = {
        resolve: (url) => settle(() => resolve(url)),
        reject: (error) => settle(() => reject(error)),
        onWaiting,
      };
      signal.addEventListener("abort", abort, { once: true });
      this.#waiters.add(waiter);
      onWaiting(this.#why());
    });
  }

  redirected(leader: URL): void {
    this.#redirect = leader;
  }

  failed(master: URL): void {
    if (this.#redirect?.origin === master.origin) this.#redirect = undefined;
  }

  onLeaderChanged(listener: Listener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  describe(): string {
    const { url } = this.#leader ?? {};
    if (!url) return this.#why();
    const of = `the leader by ${this.#name}`;
    if (this.#trouble === "") return `${url.host}, ${of}`;
    return `${url.host}, ${of} before ZooKeeper was lost: ${this.#trouble}`;
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#stop.abort(new Error("the detection of masters is closed"));
    await this.#running;
    this.#loggedTrouble.over();
    this.#loggedAbsence.over();
    this.#listeners.clear();
    for (const waiter of [...this.#waiters]) waiter.reject(new Error("the detection of masters is closed"));
  }

  /** The specification without its credentials. */
  get #name(): string {
    return `zk${this.#spec.tls ? "s" : ""}://${this.#spec.servers}${this.#spec.path}`;
  }

  get #tls(): ClientTls | undefined {
    return this.#spec.tls ? (this.#options.tls ?? plainTls) : undefined;
  }

  #why(): string {
    return this.#trouble === "" ? this.#noLeader : `ZooKeeper can't be read: ${this.#trouble}`;
  }

  async #run(): Promise<void> {
    const { signal } = this.#stop;
    // What failed with files that were replaced is tried with the new ones at once.
    const unwatch = this.#tls?.onChanged(() => this.#pause.abort());
    for (let i = 0; !signal.aborted; i++) {
      const server = this.#servers[i % this.#servers.length];
      if (!server) break;
      const reason = await this.#follow(server, signal).catch((error: Error) => error.message);
      if (signal.aborted) break;
      this.#inTrouble(reason);
      this.#pause = new AbortController();
      await this.#backoff.wait(AbortSignal.any([signal, this.#pause.signal])).catch(() => {});
    }
    unwatch?.();
  }

  /** Reads the nodes, and again whenever they change, until the connection ends. Gives the reason of that. */
  async #follow(server: Server, signal: AbortSignal): Promise<string> {
    const { sessionTimeoutMs = 10_000, connectTimeoutMs = 3_000, rereadMs = 5_000 } = this.#options;
    let wake = new AbortController();
    let ended: string | undefined;
    const connection = await ZookeeperConnection.open(
      {
        ...server,
        tls: this.#tls,
        credentials: this.#spec.auth,
        sessionTimeoutMs,
        connectTimeoutMs,
        onWatch: () => wake.abort(),
        onClosed: (reason) => {
          ended = reason;
          wake.abort();
        },
      },
      signal,
    );
    const stop = () => wake.abort();
    signal.addEventListener("abort", stop, { once: true });
    try {
      while (ended === undefined && !signal.aborted) {
        // Made before reading, so that a change while it reads is not lost.
        wake = new AbortController();
        this.#set(await this.#read(connection));
        this.#backoff.reset();
        await sleep(rereadMs, undefined, { signal: wake.signal }).catch(() => {});
      }
      return ended ?? "closed";
    } finally {
      signal.removeEventListener("abort", stop);
      connection.close();
    }
  }

  async #read(connection: ZookeeperConnection): Promise<Reading> {
    for (let i = 0; i < MAX_READS_AT_ONCE; i++) {
      const reading = await this.#readOnce(connection).catch((error: Error) => this.#noNode(error));
      if (reading) return reading;
    }
    return { problem: `the nodes of ${this.#name} change faster than they can be read` };
  }

  /** Undefined if the nodes changed while they were read. @throws Error if ZooKeeper can't be read. */
  async #readOnce(connection: ZookeeperConnection): Promise<Reading | undefined> {
    const { path } = this.#spec;
    const names = await connection.children(path, true).catch((error: Error) => {
      if (error instanceof ZookeeperError && error.code === NO_NODE) return undefined;
      throw error;
    });
    if (!names) {
      // The watch on a node that does not exist tells when it comes.
      if (await connection.exists(path, true)) return undefined;
      return { problem: `no master leads: ${this.#name} does not exist yet` };
    }
    const node = leaderNode(names);
    if (node === undefined) return { problem: `no master leads: ${this.#name} ${whyNone(names)}` };
    const data = await connection.data(`${path}/${node}`, true);
    try {
      return { node, url: masterUrl(data, this.#options.scheme ?? "http") };
    } catch (error) {
      return { problem: `the leader's node ${this.#name}/${node} can't be used: ${errorText(error)}` };
    }
  }

  /** The leader's node went between listing and reading it: the nodes are read again. */
  #noNode(error: Error): undefined {
    if (error instanceof ZookeeperError && error.code === NO_NODE) return undefined;
    if (error instanceof ZookeeperError && error.code === NO_AUTH) {
      const hint = this.#spec.auth === undefined ? "give user:password@ before the servers" : "check user and password";
      throw new Error(`${this.#spec.path} may not be read by this user: ${hint}`);
    }
    throw error;
  }

  #set(reading: Reading): void {
    const before = this.#leader;
    const recovered = this.#trouble !== "";
    this.#trouble = "";
    this.#loggedTrouble.over();
    if (!("url" in reading)) return this.#setNone(reading.problem, recovered);
    this.#leader = reading;
    this.#noLeader = "";
    this.#loggedAbsence.over();
    const { node, url } = reading;
    if (recovered || before?.node !== node) {
      this.#options.log.info({ master: url.host, node }, "ZooKeeper names the leading master");
    }
    if (before?.node === node && before.url.origin === url.origin) return;
    this.#redirect = undefined;
    for (const waiter of [...this.#waiters]) waiter.resolve(url);
    this.#tell(url);
  }

  #setNone(problem: string, recovered: boolean): void {
    const before = this.#leader;
    if (!recovered && !before && problem === this.#noLeader) return;
    this.#leader = undefined;
    this.#redirect = undefined;
    this.#noLeader = problem;
    this.#loggedAbsence.note({ reason: problem }, "no leading master");
    if (before) this.#tell(undefined);
    this.#tellWaiting();
  }

  #inTrouble(trouble: string): void {
    if (trouble === this.#trouble) return;
    this.#trouble = trouble;
    this.#loggedTrouble.note({ zookeeper: this.#name, reason: trouble }, "ZooKeeper can't be read: retrying");
    this.#tellWaiting();
  }

  #tell(leader: URL | undefined): void {
    for (const listener of [...this.#listeners]) listener(leader);
  }

  #tellWaiting(): void {
    for (const waiter of [...this.#waiters]) waiter.onWaiting(this.#why());
  }
}

/** A server of ZooKeeper. */
export interface Server {
  readonly host: string;
  readonly port: number;
}

const DEFAULT_ZOOKEEPER_PORT = 2181;

/** Reads `host` or `host:port`, as a specification of masters has it. */
export function parseServer(text: string): Server {
  const [host = "", port] = text.split(":");
  return { host, port: port === undefined ? DEFAULT_ZOOKEEPER_PORT : Number(port) };
}

/** In random order, so that many bridges don't all use the first server. */
function shuffled<T>(items: readonly T[]): T[] {
  return items
    .map((item) => ({ item, rank: Math.random() }))
    .sort((a, b) => a.rank - b.rank)
    .map(({ item }) => item);
}

/** The node of the leading master among the names of a path's children; undefined if no master has one. */
export function leaderNode(names: readonly string[]): string | undefined {
  const nodes = names.flatMap((name) => {
    const sequence = /^json\.info_(\d+)$/.exec(name)?.[1];
    return sequence === undefined ? [] : [{ name, sequence: BigInt(sequence) }];
  });
  return nodes.sort((a, b) => (a.sequence < b.sequence ? -1 : 1))[0]?.name;
}

/** Why none of the children is a leader's node, after the path's name. */
export function whyNone(names: readonly string[]): string {
  if (names.some((name) => /^info_\d+$/.test(name))) return "holds nodes of masters before Mesos 0.24 only";
  return "holds no json.info_ node";
}
