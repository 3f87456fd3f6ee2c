import { BlockList, isIP, isIPv6 } from "node:net";
import { Agent, Dispatcher, Pool, ProxyAgent } from "undici";
import { TransferError } from "./transferError.js";

export interface ProxyOptions {
  /** Where `http_proxy`, `https_proxy` and `no_proxy` stand, in small or capital letters. */
  env: Readonly<Record<string, string | undefined>>;
  /** In ms. */
  connectTimeoutMs: number;
  /** How long a server may send nothing, in ms. */
  silenceTimeoutMs: number;
}

/** How a request gets to its server. */
type Route =
  | { kind: "direct" }
  /** `host` is for people: without user and password. */
  | { kind: "proxy"; host: string; dispatcher: Dispatcher; authorization: string | undefined }
  /** The variable holds no address of a proxy. */
  | { kind: "broken"; problem: string };

const DIRECT: Route = { kind: "direct" };

/**
 * Sends requests through the proxies that the environment names, as curl does: `http_proxy` for http, `https_proxy`
 * for https, none for what `no_proxy` lists (hosts with their subdomains, `host:port`, addresses, networks such as
 * `10.0.0.0/8`, or `*`). What is near is reached without a proxy, whatever the environment says: loopback, private and
 * link-local addresses, and names without a dot. There the client's own file server usually is.
 */
export class ProxyDispatcher extends Dispatcher {
  readonly #direct: Agent;
  readonly #routes: Readonly<Record<string, Route>>;
  readonly #noProxy: NoProxy;

  constructor({ env, connectTimeoutMs, silenceTimeoutMs }: ProxyOptions) {
    super();
    const timeouts = { headersTimeout: silenceTimeoutMs, bodyTimeout: silenceTimeoutMs };
    const connect = { timeout: connectTimeoutMs };
    this.#direct = new Agent({ connect, ...timeouts });
    const tunnel = (uri: string) =>
      new ProxyAgent({
        uri,
        ...timeouts,
        proxyTls: connect,
        requestTls: connect,
        clientFactory: (origin, options) => new Pool(origin, { ...options, ...timeouts }),
      });
    const forward = (uri: string) => new Pool(new URL(uri).origin, { connect, ...timeouts });
    this.#routes = {
      "http:": routeFrom(env, "http_proxy", forward),
      "https:": routeFrom(env, "https_proxy", tunnel),
    };
    this.#noProxy = new NoProxy(env.no_proxy || env.NO_PROXY || "");
  }

  /** The proxy through which a request to `url` goes, as host:port; undefined when it goes there directly. */
  proxyOf(url: URL): string | undefined {
    const route = this.#routeTo(url);
    return route.kind === "proxy" ? route.host : undefined;
  }

  override dispatch(options: Dispatcher.DispatchOptions, handler: Dispatcher.DispatchHandler): boolean {
    const url = new URL(String(options.origin));
    const route = this.#routeTo(url);
    if (route.kind === "direct") return this.#direct.dispatch(options, handler);
    if (route.kind === "broken") throw new TransferError(route.problem, { retryable: false });
    if (url.protocol === "https:") return route.dispatcher.dispatch(options, handler);
    // A proxy is asked for http with the whole URL. Many refuse to open a tunnel to port 80.
    const headers: Record<string, string> = { ...(options.headers as Record<string, string>), host: url.host };
    if (route.authorization !== undefined) headers["proxy-authorization"] = route.authorization;
    return route.dispatcher.dispatch({ ...options, path: `${url.origin}${options.path}`, headers }, handler);
  }

  override async close(): Promise<void> {
    await Promise.all(this.#all().map((dispatcher) => dispatcher.close()));
  }

  override async destroy(): Promise<void> {
    await Promise.all(this.#all().map((dispatcher) => dispatcher.destroy()));
  }

  #all(): Dispatcher[] {
    const proxies = Object.values(this.#routes).flatMap((route) => (route.kind === "proxy" ? route.dispatcher : []));
    return [this.#direct, ...proxies];
  }

  #routeTo(url: URL): Route {
    const route = this.#routes[url.protocol] ?? DIRECT;
    return route.kind === "direct" || isNear(url) || this.#noProxy.has(url) ? DIRECT : route;
  }
}

function routeFrom(env: ProxyOptions["env"], name: string, create: (uri: string) => Dispatcher): Route {
  const text = env[name] || env[name.toUpperCase()];
  if (!text) return DIRECT;
  const uri = text.includes("://") ? text : `http://${text}`;
  const url = URL.canParse(uri) ? new URL(uri) : undefined;
  if (url === undefined || !/^https?:$/.test(url.protocol)) {
    // Its value may hold a password.
    const problem = `${name} is not the address of a proxy: on the agent it must be http://HOST:PORT`;
    return { kind: "broken", problem };
  }
  return { kind: "proxy", host: url.host, dispatcher: create(url.href), authorization: basicAuthorization(url) };
}

/** The header for the user and password of a URL; undefined when it has none. */
export function basicAuthorization({ username, password }: URL): string | undefined {
  if (username === "" && password === "") return undefined;
  return `Basic ${Buffer.from(`${decoded(username)}:${decoded(password)}`).toString("base64")}`;
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

const NEAR = new BlockList();
for (const [network, bits] of [
  ["127.0.0.0", 8],
  ["10.0.0.0", 8],
  ["172.16.0.0", 12],
  ["192.168.0.0", 16],
  ["169.254.0.0", 16],
] as const) {
  NEAR.addSubnet(network, bits, "ipv4");
}
NEAR.addAddress("::1", "ipv6");
NEAR.addSubnet("fc00::", 7, "ipv6");
NEAR.addSubnet("fe80::", 10, "ipv6");

function isNear(url: URL): boolean {
  const host = hostOf(url);
  if (isIP(host) !== 0) return isIn(NEAR, host);
  return !host.includes(".") || host.endsWith(".localhost");
}

/** Without the brackets of IPv6, and without the dot that may end a name. */
function hostOf({ hostname }: URL): string {
  return hostname.replace(/^\[|\]$/g, "").replace(/\.$/, "");
}

function isIn(list: BlockList, address: string): boolean {
  return list.check(address, isIPv6(address) ? "ipv6" : "ipv4");
}

/** What a `no_proxy` lists. */
class NoProxy {
  readonly #networks = new BlockList();
  readonly #hosts: { host: string; port: string | undefined }[] = [];
  #all = false;

  constructor(text: string) {
    for (const entry of text.toLowerCase().split(/[,\s]+/)) {
      const [, address = "", bits] = /^\[?([0-9a-f.:]+?)\]?(?:\/(\d{1,3}))?$/.exec(entry) ?? [];
      const [, host = "", port] = /^\*?\.?\[?([^\]]*?)\]?(?::(\d+))?$/.exec(entry) ?? [];
      if (entry === "*") this.#all = true;
      else if (isIP(address) !== 0) this.#addNetwork(address, bits);
      else if (host !== "") this.#hosts.push({ host, port });
    }
  }

  has(url: URL): boolean {
    const host = hostOf(url);
    if (this.#all || (isIP(host) !== 0 && isIn(this.#networks, host))) return true;
    const port = url.port || (url.protocol === "https:" ? "443" : "80");
    return this.#hosts.some(
      (entry) =>
        (entry.port === undefined || entry.port === port) && (host === entry.host || host.endsWith(`.${entry.host}`)),
    );
  }

  #addNetwork(address: string, bits: string | undefined): void {
    const family = isIPv6(address) ? "ipv6" : "ipv4";
    const most = family === "ipv6" ? 128 : 32;
    // Entries that are not networks are ignored, as other programs do.
    if (Number(bits ?? most) <= most) this.#networks.addSubnet(address, Number(bits ?? most), family);
  }
}
