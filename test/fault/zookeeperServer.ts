import { execFile } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connect as connectTls } from "node:tls";
import { promisify } from "node:util";
import zookeeper from "node-zookeeper-client";
import { type RunningProcess, startProcess } from "../support/childProcess.js";
import { eventually, within } from "../support/eventually.js";
import { freePort } from "../support/freePort.js";
import { at } from "../support/paths.js";

const JAR = "/usr/share/java/zookeeper.jar";
/** What Debian's ZooKeeper needs for TLS and does not name itself: without it, its secure port takes no connection. */
const TLS_JARS = ["/usr/share/java/netty-codec.jar", "/usr/share/java/netty-resolver.jar"];

/** Installs ZooKeeper if it is missing. Gives why it can't be had here. */
export async function zookeeperMissing(): Promise<string | undefined> {
  try {
    await promisify(execFile)(process.execPath, [at("scripts/install-zookeeper.mjs")]);
    return undefined;
  } catch (error) {
    return (error as { stderr?: string }).stderr ?? String(error);
  }
}

/** A real ZooKeeper of the tests. Whoever starts one stops it. */
export interface ZookeeperServer {
  /** As `127.0.0.1:2181`; stays the same over `start`. */
  readonly address: string;
  /** Where it speaks TLS, if it does. */
  readonly secureAddress: string;
  /** Ends it as a crash does. */
  kill(): Promise<void>;
  /** Starts it again with what it had stored; one that runs is left alone. */
  start(): Promise<void>;
  /** Stops it in the middle of its work, and lets it go on. */
  signal(signal: "SIGSTOP" | "SIGCONT"): void;
  stop(): Promise<void>;
}

/** What a ZooKeeper needs for TLS, in PEM. It has a plain port all the same. */
export interface ZookeeperTls {
  readonly key: string;
  readonly cert: string;
  /** A file with the authorities of clients. */
  readonly ca: string;
  /** Whether clients have to have a certificate. Default true, as ZooKeeper's. */
  readonly wantsClients?: boolean;
}

/** Starts ZooKeeper on a free port, with a directory of its own. Sessions last from 0.4 s to 20 s. */
export async function startZookeeper(tls?: ZookeeperTls): Promise<ZookeeperServer> {
  const directory = await mkdtemp(join(tmpdir(), "mesos-bridge-zookeeper-"));
  const port = await freePort();
  const securePort = tls ? await freePort() : 0;
  const config = join(directory, "zoo.cfg");
  await writeFile(
    config,
    [
      `dataDir=${directory}/data`,
      "clientPortAddress=127.0.0.1",
      `clientPort=${port}`,
      "tickTime=200",
      "maxSessionTimeout=20000",
      "admin.enableServer=false",
      ...(tls ? await secureLines(tls, securePort, directory) : []),
      "",
    ].join("\n"),
  );
  const address = `127.0.0.1:${port}`;
  const classPath = [JAR, ...(tls ? TLS_JARS : [])].join(":");
  let running: RunningProcess | undefined;
  const start = async () => {
    if (running) return;
    const main = "org.apache.zookeeper.server.quorum.QuorumPeerMain";
    running = await startProcess({ command: "java", args: ["-Xmx128m", "-cp", classPath, main, config] });
    await eventually(() => answers(address), { what: "ZooKeeper", timeoutMs: 30_000 });
    if (tls) await eventually(() => handshakes(securePort, tls), { what: "ZooKeeper's TLS", timeoutMs: 30_000 });
  };
  try {
    await start();
  } catch (error) {
    await running?.kill();
    throw new Error(`ZooKeeper does not start: ${(error as Error).message}\n${running?.log() ?? ""}`);
  }
  return {
    address,
    secureAddress: `127.0.0.1:${securePort}`,
    start,
    async kill() {
      await running?.kill();
      running = undefined;
    },
    signal: (signal) => running?.signal(signal),
    async stop() {
      running?.signal("SIGCONT");
      await running?.kill();
      await rm(directory, { recursive: true, force: true, maxRetries: 5 });
    },
  };
}

async function secureLines(tls: ZookeeperTls, port: number, directory: string): Promise<string[]> {
  const keyStore = join(directory, "server.pem");
  await writeFile(keyStore, `${tls.key}${tls.cert}`);
  return [
    "serverCnxnFactory=org.apache.zookeeper.server.NettyServerCnxnFactory",
    "secureClientPortAddress=127.0.0.1",
    `secureClientPort=${port}`,
    `ssl.keyStore.location=${keyStore}`,
    "ssl.keyStore.type=PEM",
    `ssl.trustStore.location=${tls.ca}`,
    "ssl.trustStore.type=PEM",
    `ssl.clientAuth=${tls.wantsClients === false ? "none" : "need"}`,
  ];
}

/** Whether the secure port speaks TLS: without the jars it opens, and every connection fails. */
async function handshakes(port: number, { key, cert }: ZookeeperTls): Promise<boolean> {
  const socket = connectTls({ host: "127.0.0.1", port, key, cert, rejectUnauthorized: false });
  try {
    await within(once(socket, "secureConnect"), { timeoutMs: 5_000 });
    return true;
  } finally {
    socket.destroy();
  }
}

/** Asks for ZooKeeper's state, by one of its commands of four letters; a server that is still starting says so. */
async function answers(address: string): Promise<boolean> {
  const [host = "", port] = address.split(":");
  const socket = connect({ host, port: Number(port) });
  try {
    socket.end("srvr");
    const [answer] = (await within(once(socket, "data"), { timeoutMs: 1_000 })) as [Buffer];
    return answer.toString().startsWith("Zookeeper version");
  } finally {
    socket.destroy();
  }
}

/** What a Mesos 1.11 master writes about itself: JSON of mesos.MasterInfo. */
export function masterInfo(host: string, port: number, more: object = {}): object {
  const ip = Buffer.from(host.split(".").map(Number)).readUInt32LE();
  return {
    address: { hostname: "a-name-that-does-not-resolve.invalid", ip: host, port },
    capabilities: [{ type: "AGENT_UPDATE" }, { type: "AGENT_DRAINING" }, { type: "QUOTA_V2" }],
    hostname: "a-name-that-does-not-resolve.invalid",
    id: "1f5c2f7c-0c3c-4e0a-9d4a-2f5a0f8a7f3e",
    ip,
    pid: `master@${host}:${port}`,
    port,
    version: "1.11.0",
    ...more,
  };
}

/** A contender for the leadership: it makes nodes as masters do, in a session of its own. */
export class Contender {
  readonly #client: zookeeper.Client;
  readonly #path: string;
  #acls: zookeeper.ACL[] = [];

  private constructor(client: zookeeper.Client, path: string) {
    this.#client = client;
    this.#path = path;
  }

  static async connect(address: string, path: string, credentials?: string): Promise<Contender> {
    const client = zookeeper.createClient(address, { sessionTimeout: 10_000, retries: 2 });
    if (credentials !== undefined) client.addAuthInfo("digest", Buffer.from(credentials));
    const connected = new Promise<void>((resolve) => client.once("connected", () => resolve()));
    client.connect();
    await within(connected, { what: "a session with ZooKeeper" });
    return new Contender(client, path);
  }

  /** Makes the path, with rights for its creator alone if asked for. */
  async makePath(onlyCreator = false): Promise<void> {
    const who = onlyCreator ? new zookeeper.Id("auth", "") : new zookeeper.Id("world", "anyone");
    this.#acls = [new zookeeper.ACL(zookeeper.Permission.ALL, who)];
    await done<string>((callback) => this.#client.mkdirp(this.#path, this.#acls, callback));
  }

  /** Removes all nodes of the path. */
  async removeAll(): Promise<void> {
    for (const name of await done<string[]>((callback) => this.#client.getChildren(this.#path, callback))) {
      await this.leave(`${this.#path}/${name}`);
    }
  }

  /** Stands for election with this information, for as long as the session lasts. Gives the node's full path. */
  async enter(info: object | string, { prefix = "json.info_", forGood = false } = {}): Promise<string> {
    const data = Buffer.from(typeof info === "string" ? info : JSON.stringify(info));
    const { EPHEMERAL_SEQUENTIAL, PERSISTENT_SEQUENTIAL } = zookeeper.CreateMode;
    const mode = forGood ? PERSISTENT_SEQUENTIAL : EPHEMERAL_SEQUENTIAL;
    return done<string>((callback) => this.#client.create(`${this.#path}/${prefix}`, data, this.#acls, mode, callback));
  }

  /** Writes other information into a node. */
  async rewrite(node: string, info: object): Promise<void> {
    await done<unknown>((callback) => this.#client.setData(node, Buffer.from(JSON.stringify(info)), callback));
  }

  /** Gives a leadership up, of whichever contender. */
  async leave(node: string): Promise<void> {
    await done<void>((callback) => this.#client.remove(node, (error) => callback(error)));
  }

  stop(): void {
    this.#client.close();
  }
}

type Callback<T> = (error: Error | zookeeper.Exception | null, result?: T) => void;

function done<T>(start: (callback: Callback<T>) => void): Promise<T> {
  return new Promise((resolve, reject) => start((error, result) => (error ? reject(error) : resolve(result as T))));
}
