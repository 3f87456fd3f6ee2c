import type { Clock } from "../../wire/clock.js";
import { errorText } from "../../wire/errorText.js";
import type { AuditLog } from "../access/audit/auditLog.js";
import { Authenticator, type JwtChecker } from "../access/authenticator.js";
import { noPermissions, type Permissions, PermissionsFile, type Reload } from "../access/permissions/permissions.js";
import { type TlsFiles, tlsFilesFrom, tlsOptionFiles } from "../access/tlsFiles.js";
import { TokenList } from "../access/tokenList.js";
import { ExpiryWatch } from "../files/expiryWatch.js";
import { type OptionFile, WatchedFiles } from "../files/watchedFiles.js";
import type { Log, ParentLog } from "../log.js";
import type { Protection } from "./listening.js";
import { openAudit } from "./openAudit.js";
import type { Opened } from "./opened.js";
import type { ServeConfig } from "./serveConfig.js";

/** What the bridge knows its clients by, and what it shows them. */
export interface Access {
  readonly authenticator: Authenticator;
  readonly tls: WatchedFiles<TlsFiles> | undefined;
  readonly protection: Protection;
  readonly permissions: Permissions;
  readonly audit: AuditLog | undefined;
}

/** What the parts need, and what they open. */
interface Opening {
  readonly config: ServeConfig;
  readonly clock: Clock;
  readonly log: Log;
  readonly opened: Opened;
}

/**
 * Reads the files that the options name.
 *
 * @param opened gets what is opened, even when something fails @throws Error with one line that names the option, the
 * file and the cure
 */
export async function openAccess(config: ServeConfig, clock: Clock, log: ParentLog, opened: Opened): Promise<Access> {
  const opening = { config, clock, log, opened };
  const tls = await openTls(opening);
  const tokens = await openTokens(opening);
  const jwt = await openJwt(opening);
  const authenticator = new Authenticator({ certificates: config.tlsClientCa !== undefined, tokens, jwt });
  const protection = { tls: tls !== undefined, authentication: authenticator.required };
  const audit = await openAudit(config.auditLog, clock, log);
  if (audit) opened.add(audit);
  const reloaded = (reload: Reload) => audit?.record({ event: "permissions", ...reload });
  const permissions =
    config.permissions === undefined
      ? noPermissions
      : opened.add(await PermissionsFile.open(config.permissions, { clock, log, reloaded }));
  return { authenticator, tls, protection, permissions, audit };
}

const TLS_FLAGS = "--tls-cert, --tls-key, --tls-client-ca";

async function openTls(opening: Opening): Promise<WatchedFiles<TlsFiles> | undefined> {
  const { tlsCert, tlsKey, tlsClientCa } = opening.config;
  if (tlsCert === undefined || tlsKey === undefined) return undefined;
  const files = tlsOptionFiles({ cert: tlsCert, key: tlsKey, clientCa: tlsClientCa });
  const { clock, log, opened } = opening;
  const what = tlsClientCa === undefined ? "the TLS certificate" : `the setup of TLS (${TLS_FLAGS})`;
  const watched = await watch(opening, what, files, (contents) => tlsFilesFrom(files, contents, clock.wallTime()));
  opened.add(new ExpiryWatch({ file: files[0], certificate: () => watched.value.certificate, clock, log }));
  return watched;
}

async function openTokens(opening: Opening): Promise<WatchedFiles<TokenList> | undefined> {
  const { clientTokens } = opening.config;
  if (clientTokens === undefined) return undefined;
  const file = { option: "--client-tokens", path: clientTokens, secret: true };
  return watch(opening, "the list of clients' tokens", [file], ([content]) =>
    told(file, () => new TokenList(String(content))),
  );
}

async function openJwt(opening: Opening): Promise<JwtChecker | undefined> {
  const { jwks, jwtIssuer: issuer, jwtAudience: audience } = opening.config;
  if (jwks === undefined || issuer === undefined || audience === undefined) return undefined;
  // Loaded on demand: bridges without it start faster.
  const { FileKeys, keySetFrom } = await import("../access/keySet.js");
  const { JwtVerifier } = await import("../access/jwtVerifier.js");
  const { clock, log, opened } = opening;
  if (/^https?:/i.test(jwks)) {
    const { IssuerKeys } = await import("../access/issuerKeys.js");
    const keys = opened.add(new IssuerKeys(jwks, clock, log));
    return new JwtVerifier({ keys, issuer, audience, clock });
  }
  const file = { option: "--jwks", path: jwks };
  const read = ([content]: readonly Buffer[]) => told(file, () => keySetFrom(String(content)));
  const keys = new FileKeys(await watch(opening, "the set of keys for tokens", [file], read));
  return new JwtVerifier({ keys, issuer, audience, clock });
}

async function watch<T>(
  { clock, log, opened }: Opening,
  what: string,
  files: readonly OptionFile[],
  read: (contents: readonly Buffer[]) => T,
): Promise<WatchedFiles<T>> {
  return opened.add(await WatchedFiles.open({ files, what, read, clock, log }));
}

/** Runs `read`. If it throws, the error names the option and the file. */
function told<T>({ option, path }: OptionFile, read: () => T): T {
  try {
    return read();
  } catch (error) {
    throw new Error(`${option}: ${path} ${errorText(error)}`);
  }
}
