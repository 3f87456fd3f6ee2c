import { type Channel, createClientFactory, Status } from "nice-grpc";
import { type SchedulerServiceClient, SchedulerServiceDefinition } from "../../../gen/mesosbridge/v1/scheduler.js";
import { checkPlainText, checkTls, checkToken, type TlsOptions, type Token } from "./access.js";
import { openChannel } from "./channel.js";
import { diagnosed } from "./diagnosis.js";
import type { BridgeError } from "./errors.js";
import { parseHttpProxy } from "./httpProxy.js";
import { OptionError } from "./optionError.js";
import { tokenMiddleware } from "./tokens.js";

/** How to reach the bridge. */
export interface BridgesOptions {
  /** `HOST:PORT` or `unix:/PATH`, or several with commas between them. */
  addresses: string;
  /** See `openChannel`. */
  proxy?: string | undefined;
  tls?: TlsOptions | undefined;
  token?: Token | undefined;
}

interface Connection {
  readonly channel: Channel;
  readonly client: SchedulerServiceClient;
}

/** The addresses where the bridge may be. One of them is used at a time, for the stream and for all calls. */
export class Bridges {
  readonly #options: BridgesOptions;
  readonly #addresses: readonly string[];
  /** Of addresses that were used. They stay open: calls may be under way. */
  readonly #connections = new Map<string, Connection>();
  #current = 0;
  /** Addresses tried since the last good stream. */
  #tried = 0;

  /** @throws OptionError for options that can't be used, or when a token would go to another host in plain text */
  constructor(options: BridgesOptions) {
    this.#options = options;
    this.#addresses = options.addresses.split(",").map((address) => address.trim());
    if (this.#addresses.includes("")) {
      throw new OptionError("bridge should be HOST:PORT or unix:/PATH, or several of them with commas between them");
    }
    const { proxy, tls, token } = options;
    const proxyAddress = proxy === undefined ? undefined : parseHttpProxy(proxy).address;
    if (proxyAddress !== undefined && this.#addresses.some((address) => address.startsWith("unix:"))) {
      throw new OptionError("a proxy does not lead to a Unix socket: leave out proxy, or unix:/PATH");
    }
    if (tls !== undefined) checkTls(tls);
    if (typeof token === "string") checkToken(token);
    if (token !== undefined && tls === undefined) checkPlainText(this.#addresses, proxyAddress);
    this.#connect();
  }

  /** Of the address that is used now. */
  get client(): SchedulerServiceClient {
    return this.#connect().client;
  }

  /** Whether the next try has another token. */
  get hasFreshTokens(): boolean {
    return typeof this.#options.token === "function";
  }

  /** An error with which no stream to the address that is used now came about, in words for people. */
  async explained(error: BridgeError, signal: AbortSignal): Promise<BridgeError> {
    const { tls, proxy, token } = this.#options;
    const address = this.#addresses[this.#current] ?? "";
    return await diagnosed(
      error,
      { address, tls, proxied: proxy !== undefined, hasToken: token !== undefined },
      signal,
    );
  }

  /**
   * Turns to the next address if the error says that this one does not serve.
   *
   * @returns true if the next one has not failed yet since the last good stream, so that it is worth trying at once
   */
  failed(error: BridgeError): boolean {
    if (error.reason !== "" && error.code !== Status.UNAVAILABLE) return false;
    this.#current = (this.#current + 1) % this.#addresses.length;
    this.#tried++;
    return this.#tried % this.#addresses.length !== 0;
  }

  /** A stream lived long enough to be called a good one. */
  served(): void {
    this.#tried = 0;
  }

  close(): void {
    for (const { channel } of this.#connections.values()) channel.close();
  }

  #connect(): Connection {
    const address = this.#addresses[this.#current] ?? "";
    const existing = this.#connections.get(address);
    if (existing !== undefined) return existing;
    const { token } = this.#options;
    const channel = openChannel(address, this.#options);
    const factory = createClientFactory();
    const withToken = token === undefined ? factory : factory.use(tokenMiddleware(token));
    const connection = { channel, client: withToken.create(SchedulerServiceDefinition, channel) };
    this.#connections.set(address, connection);
    return connection;
  }
}
