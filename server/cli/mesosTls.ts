import type { Clock } from "../../wire/clock.js";
import type { Log } from "../log.js";
import type { MasterScheme, MasterSpec } from "../mesos/detect/masterSpec.js";
import { ZOOKEEPER_TLS } from "../mesos/detect/zookeeperConnection.js";
import { MASTER_TLS } from "../mesos/link/openSocket.js";
import { type ClientTls, plainTls, WatchedTls } from "../mesos/tls/clientTls.js";
import type { TlsFiles, TlsFlags } from "../mesos/tls/tlsFiles.js";

/** The settings of TLS towards masters, as they are typed. */
export interface MasterTlsFiles {
  readonly masterCa: string | undefined;
  readonly masterCert: string | undefined;
  readonly masterKey: string | undefined;
}

/** Those of TLS towards ZooKeeper. */
export interface ZookeeperTlsFiles {
  readonly zkCa: string | undefined;
  readonly zkCert: string | undefined;
  readonly zkKey: string | undefined;
}

/** TLS towards masters or ZooKeeper, and what it holds open. */
export interface OpenTls {
  readonly tls: ClientTls;
  close(): void;
}

/** @throws Error with one line if the options for a client certificate do not fit together, or would not be used */
export function checkMasterTls(config: MasterTlsFiles, master: MasterSpec, scheme: MasterScheme): void {
  const { masterCert: cert, masterKey: key } = config;
  checkPair(cert, key, MASTER_TLS);
  const https = master.kind === "zookeeper" ? scheme === "https" : master.urls.some((url) => url.protocol === "https:");
  if (cert === undefined || https) return;
  const advice = master.kind === "zookeeper" ? "add --master-scheme https" : "write https:// before its address";
  throw new Error(`--master-cert: no master is asked for by TLS, so it would not be used: ${advice}`);
}

/** @throws Error with one line if the options do not fit together, or would not be used */
export function checkZookeeperTls({ zkCa, zkCert, zkKey }: ZookeeperTlsFiles, master: MasterSpec): void {
  checkPair(zkCert, zkKey, ZOOKEEPER_TLS);
  if (master.kind === "zookeeper" && master.tls) return;
  const [flag] = [zkCa && ZOOKEEPER_TLS.ca, zkCert && ZOOKEEPER_TLS.cert].filter((given) => given !== undefined);
  if (flag !== undefined) throw new Error(`${flag}: --master does not begin with zks://, so it would not be used`);
}

function checkPair(cert: string | undefined, key: string | undefined, flags: TlsFlags): void {
  if ((cert === undefined) !== (key === undefined)) throw new Error(`${flags.cert} and ${flags.key} go together`);
}

/** TLS towards masters. @throws Error with one line that names the option and the file */
export function openMasterTls(
  { masterCa, masterCert, masterKey }: MasterTlsFiles,
  log: Log,
  clock: Clock,
): Promise<OpenTls> {
  return open({ ca: masterCa, cert: masterCert, key: masterKey }, MASTER_TLS, log, clock);
}

/** TLS towards ZooKeeper. @throws Error with one line that names the option and the file */
export function openZookeeperTls({ zkCa, zkCert, zkKey }: ZookeeperTlsFiles, log: Log, clock: Clock): Promise<OpenTls> {
  return open({ ca: zkCa, cert: zkCert, key: zkKey }, ZOOKEEPER_TLS, log, clock);
}

async function open(files: TlsFiles, flags: TlsFlags, log: Log, clock: Clock): Promise<OpenTls> {
  if (Object.values(files).every((file) => file === undefined)) return { tls: plainTls, close: () => {} };
  const tls = await WatchedTls.open({ files, flags, log, clock });
  return { tls, close: () => tls.close() };
}
