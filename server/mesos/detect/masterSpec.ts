export type MasterScheme = "http" | "https";

/** Where the masters are: as given to `--master`. */
export type MasterSpec =
  | { readonly kind: "list"; readonly urls: readonly URL[] }
  | {
      readonly kind: "zookeeper";
      /** Whether its servers are asked by TLS. */
      readonly tls: boolean;
      /** As `host:port,host:port`. */
      readonly servers: string;
      readonly path: string;
      /** `user:password`. Never to be shown. */
      readonly auth: string | undefined;
    };

const HELP =
  "use host:port[,host:port...], http(s)://host:port, or zk://host:port[,host:port...]/path, with TLS zks://...";
const DEFAULT_MASTER_PORT = 5050;

/**
 * Reads a master specification: `host:port,host:port`, `http(s)://host:port`, or
 * `zk://[user:password@]host:port,.../path`, or the same with `zks://` for TLS. The port defaults to 5050, ZooKeeper's
 * to 2181; that of its TLS has no default.
 *
 * @param scheme of masters whose address names none. Default http
 * @throws Error with a text for the person who typed it, without credentials.
 */
export function parseMasterSpec(text: string, scheme: MasterScheme = "http"): MasterSpec {
  const spec = text.trim();
  if (spec === "") throw new Error(`no master is given: ${HELP}`);
  if (/^zk[+-]?(tls|ssl):\/\//.test(spec)) throw new Error(`TLS to ZooKeeper is written zks://: ${HELP}`);
  if (/^zks?:\/\//.test(spec)) return parseZookeeper(spec);
  return { kind: "list", urls: spec.split(",").map((part) => parseUrl(part.trim(), scheme)) };
}

function parseUrl(part: string, scheme: MasterScheme): URL {
  const text = part.includes("://") ? part : `${scheme}://${part}`;
  if (!URL.canParse(text)) throw new Error(`'${masked(part)}' is not a master address: ${HELP}`);
  const url = new URL(text);
  if (url.protocol !== "http:" && url.protocol !== "https:") {
    throw new Error(`'${url.protocol}//' is not a scheme that masters speak: ${HELP}`);
  }
  if (url.username !== "" || url.password !== "") {
    throw new Error("a master address must not contain credentials: use --principal and --secret-file");
  }
  if (url.hostname === "" || url.pathname !== "/" || url.search !== "" || url.hash !== "") {
    throw new Error(`'${masked(part)}' is not host:port: ${HELP}`);
  }
  // URL drops a port that is the scheme's own, so 80 and 443 have to be looked for in the text.
  if (url.port === "" && !/:\d+\/?$/.test(text)) url.port = String(DEFAULT_MASTER_PORT);
  return url;
}

function parseZookeeper(spec: string): MasterSpec {
  const tls = spec.startsWith("zks:");
  const [, auth, servers, rawPath] = /^zks?:\/\/(?:([^@/]+)@)?([^@/]+)(\/.*)$/.exec(spec) ?? [];
  if (servers === undefined || rawPath === undefined) {
    const hint = spec.includes("@") ? " (user and password can't hold @ or /)" : "";
    throw new Error(`'${masked(spec)}' names no ZooKeeper path${hint}: ${HELP}`);
  }
  const path = rawPath.replace(/\/+$/, "");
  if (path === "") throw new Error(`the ZooKeeper path must not be '/': ${HELP}`);
  if (/@/.test(path)) throw new Error(`'${masked(spec)}' is not clear: user and password can't hold @ or /: ${HELP}`);
  if (/\/\/|[\s\0]|\/\.\.?(\/|$)/.test(path)) throw new Error(`'${path}' is not a ZooKeeper path: ${HELP}`);
  if (auth !== undefined && !/^[^:]+:./.test(auth)) {
    throw new Error(`ZooKeeper's credentials are written as user:password@ before the servers: ${HELP}`);
  }
  for (const server of servers.split(",")) {
    const [, port] = /^[^:\s]+(?::(\d{1,5}))?$/.exec(server) ?? [undefined, "0"];
    if (port === undefined && tls) {
      throw new Error(`'${server}' names no port: give ZooKeeper's secureClientPort, which has no default: ${HELP}`);
    }
    if (port === undefined || (Number(port) > 0 && Number(port) <= 65_535)) continue;
    throw new Error(`'${server}' is not a ZooKeeper host:port: ${HELP}`);
  }
  return { kind: "zookeeper", tls, servers, path, auth };
}

/** Without what may be credentials, or a part of them where a character in them is not as it should be. */
export function masked(text: string): string {
  return text.replace(/^([a-z]+:\/\/)?.*@/s, "$1***@");
}
