import type { Clock } from "../../wire/clock.js";
import { Authenticator } from "../access/authenticator.js";
import { type TlsFiles, tlsFilesFrom, tlsOptionFiles } from "../access/tlsFiles.js";
import { WatchedFiles } from "../access/watchedFiles.js";
import type { Log } from "../log.js";
import type { Protection } from "./listening.js";
import type { ServeConfig } from "./serveConfig.js";

/** What the bridge knows its clients by, and what it shows them. */
export interface Access {
  readonly authenticator: Authenticator;
  readonly tls: WatchedFiles<TlsFiles> | undefined;
  readonly protection: Protection;
  /** Watches the files no more. */
  close(): void;
}

/** Reads the files that the options name. @throws Error with one line that names the option, the file and the cure */
export async function openAccess(config: ServeConfig, clock: Clock, log: Log): Promise<Access> {
  const tls = await openTls(config, clock, log);
  const authenticator = new Authenticator({ certificates: config.tlsClientCa !== undefined });
  return {
    authenticator,
    tls,
    protection: { tls: tls !== undefined, authentication: authenticator.required },
    close: () => tls?.close(),
  };
}

async function openTls(
  { tlsCert, tlsKey, tlsClientCa }: ServeConfig,
  clock: Clock,
  log: Log,
): Promise<WatchedFiles<TlsFiles> | undefined> {
  if (tlsCert === undefined || tlsKey === undefined) return undefined;
  const paths = { cert: tlsCert, key: tlsKey, clientCa: tlsClientCa };
  return WatchedFiles.open({
    files: tlsOptionFiles(paths),
    what: "the TLS certificate",
    read: (contents) => tlsFilesFrom(paths, contents, clock.wallTime()),
    clock,
    log,
  });
}
