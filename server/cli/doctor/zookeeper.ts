import { errorText } from "../../../wire/errorText.js";
import { masterUrl } from "../../mesos/detect/masterInfo.js";
import { NO_AUTH, NO_NODE, ZookeeperConnection, ZookeeperError } from "../../mesos/detect/zookeeperConnection.js";
import { leaderNode, parseServer, type Server, whyNone } from "../../mesos/detect/zookeeperDetector.js";
import { type Check, type Finding, fail, ok, warn } from "./check.js";
import type { Examination, ZookeeperSpec } from "./examination.js";
import { ZOOKEEPER_TLS_FILES } from "./files.js";
import { troubleOf, withOthers } from "./sentence.js";

const SESSION_MS = 10_000;
const CONNECT_MS = 3_000;

export const ZOOKEEPER = "ZooKeeper";
export const ZOOKEEPER_PATH = "ZooKeeper path";
export const LEADER_NODE = "leader's node in ZooKeeper";

const applies = ({ zookeeperSpec }: Examination) => zookeeperSpec !== undefined;

/** Opens a session at each server, which makes no node, and keeps one of them for the checks that follow. */
export const zookeeper: Check = {
  name: ZOOKEEPER,
  needs: [ZOOKEEPER_TLS_FILES],
  applies,
  run: async (examination, signal) => {
    const spec = examination.zookeeperSpec as ZookeeperSpec;
    const servers = spec.servers.split(",").map(parseServer);
    const results = await Promise.all(servers.map((server) => opened(server, spec, examination, signal)));
    const connections = results.filter((result) => result instanceof ZookeeperConnection);
    for (const each of connections) examination.opened.add(each);
    [examination.zookeeper] = connections;
    const failures = results.filter((result) => result instanceof Error);
    if (failures[0] === undefined) return ok(`${spec.servers} answers`);
    const { cause, cure } = troubleOf(failures[0].message, cureOf(failures[0].message));
    const finding = connections.length === 0 ? fail : warn;
    return finding(`ZooKeeper: ${withOthers(cause, failures.length - 1)}`, cure);
  },
};

async function opened(
  server: Server,
  { tls, auth }: ZookeeperSpec,
  { zookeeperTls }: Examination,
  signal: AbortSignal,
): Promise<ZookeeperConnection | Error> {
  const options = { ...server, tls: tls ? zookeeperTls : undefined, credentials: auth };
  const timeouts = { sessionTimeoutMs: SESSION_MS, connectTimeoutMs: CONNECT_MS };
  const unheard = { onWatch: () => {}, onClosed: () => {} };
  try {
    return await ZookeeperConnection.open({ ...options, ...timeouts, ...unheard }, signal);
  } catch (error) {
    return error as Error;
  }
}

function cureOf(message: string): string {
  if (/nothing listens/.test(message)) return "Start ZooKeeper there, or correct its host and port in --master.";
  if (/can't be resolved/.test(message)) return "Correct the name in --master, or add it to DNS or /etc/hosts.";
  if (/does not answer/.test(message)) return "Check routes and firewalls from this machine to that port.";
  if (/protocol/.test(message)) return "Correct the port in --master: ZooKeeper's is 2181 by default, a master's 5050.";
  if (/certificate/.test(message)) return "Correct the certificate, or --zk-ca, --zk-cert and --zk-key.";
  return "Check ZooKeeper's own log, and the servers in --master.";
}

export const zookeeperPath: Check = {
  name: ZOOKEEPER_PATH,
  needs: [ZOOKEEPER],
  applies,
  run: async (examination) => {
    const { path, servers } = examination.zookeeperSpec as ZookeeperSpec;
    try {
      const names = (await examination.zookeeper?.children(path, false)) ?? [];
      examination.leaderNode = leaderNode(names);
      if (examination.leaderNode !== undefined) return ok(`${path} holds the masters' nodes`);
      const cure = "Start the masters with --zk of this path, or correct the path in --master.";
      return fail(`ZooKeeper: ${path} ${whyNone(names)}, so no master leads`, cure);
    } catch (error) {
      return unreadable(error, path, servers, examination);
    }
  },
};

function unreadable(error: unknown, path: string, servers: string, { zookeeperSpec }: Examination): Finding {
  const code = error instanceof ZookeeperError ? error.code : undefined;
  if (code === NO_NODE) {
    const cure = "Correct the path in --master: it is the one of the masters' own --zk option.";
    return fail(`ZooKeeper: the path ${path} does not exist at ${servers}`, cure);
  }
  const hasUser = zookeeperSpec?.auth !== undefined;
  if (code === NO_AUTH || /refuses the credentials/.test(errorText(error))) {
    return hasUser
      ? fail(
          `ZooKeeper: the user in --master may not read ${path}`,
          "Correct user:password@ in --master: they are those of the masters' own --zk option.",
        )
      : fail(
          `ZooKeeper: ${path} may not be read without credentials`,
          "Write user:password@ before the servers in --master, in a file that --master file:///path names.",
        );
  }
  return fail(`ZooKeeper: ${path} can't be read: ${errorText(error)}`, "Check ZooKeeper's own log.");
}

/** What the leading master has written into ZooKeeper: it becomes the master to examine. */
export const leaderNodeCheck: Check = {
  name: LEADER_NODE,
  needs: [ZOOKEEPER_PATH],
  applies,
  run: async (examination) => {
    const node = `${examination.zookeeperSpec?.path}/${examination.leaderNode}`;
    const data = await examination.zookeeper?.data(node, false).catch((error: Error) => error);
    if (data instanceof Error || data === undefined) {
      return fail(
        `ZooKeeper: ${node} can't be read: ${errorText(data)}`,
        "Run it again: masters may be electing a leader.",
      );
    }
    try {
      examination.masters = [masterUrl(data, examination.config.masterScheme)];
      return ok(`${examination.masters[0]?.host} leads`);
    } catch (error) {
      return fail(
        `ZooKeeper: ${node} can't be used: ${errorText(error)}`,
        "Check that the path in --master is that of Mesos masters.",
      );
    }
  },
};
