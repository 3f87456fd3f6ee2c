/** Where the masters are: as given to `--master`. */
export type MasterSpec =
  | { readonly kind: "list"; readonly urls: readonly URL[] }
  | { readonly kind: "zookeeper"; readonly servers: string; readonly path: string; readonly auth: string | undefined };

const HELP = "use host:port[,host:port...], http(s)://host:port, or zk://host:port[,host:port...]/path";
const DEFAULT_MASTER_PORT = 5050;

/**
 * Reads a master specification: `host:port,host:port`, `http(s)://host:port`, or
 * `zk://[user:password@]host:port,.../path`. The port defaults to 5050.
 *
 * @throws Error with a text for the person who typed it.
 */
export function parseMasterSpec(text: string): MasterSpec {
  const spec = text.trim();
  if (spec === "") throw new Error(`no master is given: ${HELP}`);
  if (spec.startsWith("zk://")) return parseZookeeper(spec);
  return { kind: "list", urls: spec.split(",").map((part) => parseUrl(part.trim())) };
}

function parseUrl(part: string): URL {
  const text = part.includes("://") ? part : `http://${part}`;
  if (!URL.canParse(text)) throw new Error(`'${part}' is not a master address: ${HELP}`);
  const url = new URL(text);
  if (url.protocol !== "http:" && url.protocol !== "https:") {
    throw new Error(`'${url.protocol}//' is not a scheme that masters speak: ${HELP}`);
  }
  if (url.username !== "" || url.password !== "") {
    throw new Error("a master address holds no credentials: use --principal and --secret-file");
  }
  if (url.hostname === "" || url.pathname !== "/" || url.search !== "" || url.hash !== "") {
    throw new Error(`'${part}' is not host:port: ${HELP}`);
  }
  // URL drops a port that is the scheme's own, so 80 and 443 have to be looked for in the text.
  if (url.port === "" && !/:\d+\/?$/.test(text)) url.port = String(DEFAULT_MASTER_PORT);
  return url;
}

function parseZookeeper(spec: string): MasterSpec {
  const match = /^zk:\/\/(?:([^@/]+)@)?([^@/]+)(\/.*)$/.exec(spec);
  const [, auth, servers, rawPath] = match ?? [];
  if (servers === undefined || rawPath === undefined) {
    throw new Error(`'${spec.replace(/\/\/[^@/]*@/, "//***@")}' names no ZooKeeper path: ${HELP}`);
  }
  const path = rawPath.replace(/\/+$/, "");
  if (path === "") throw new Error(`the ZooKeeper path must not be '/': ${HELP}`);
  for (const server of servers.split(",")) {
    if (!/^[^:]+(:\d+)?$/.test(server)) throw new Error(`'${server}' is not a ZooKeeper host:port: ${HELP}`);
  }
  return { kind: "zookeeper", servers, path, auth };
}
