import { type Channel, createClient, Status } from "nice-grpc";
import { type SchedulerServiceClient, SchedulerServiceDefinition } from "../../../gen/mesosbridge/v1/scheduler.js";
import { openChannel } from "./channel.js";
import type { BridgeError } from "./errors.js";

interface Connection {
  readonly channel: Channel;
  readonly client: SchedulerServiceClient;
}

/** The addresses where the bridge may be. One of them is used at a time, for the stream and for all calls. */
export class Bridges {
  readonly #addresses: readonly string[];
  readonly #proxy: string | undefined;
  /** Of addresses that were used. They stay open: calls may be under way. */
  readonly #connections = new Map<string, Connection>();
  #current = 0;
  /** Addresses tried since the last good stream. */
  #tried = 0;

  /**
   * @param addresses  `HOST:PORT`, or several with commas between them
   * @param proxy  see `openChannel`
   * @throws TypeError when there is nothing between two commas, or `proxy` is not one
   */
  constructor(addresses: string, proxy: string | undefined) {
    this.#addresses = addresses.split(",").map((address) => address.trim());
    if (this.#addresses.includes("")) {
      throw new TypeError("bridge should be HOST:PORT, or several of them with commas between them");
    }
    this.#proxy = proxy;
    this.#connect();
  }

  /** Of the address that is used now. */
  get client(): SchedulerServiceClient {
    return this.#connect().client;
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
    const channel = openChannel(address, this.#proxy);
    const connection = { channel, client: createClient(SchedulerServiceDefinition, channel) };
    this.#connections.set(address, connection);
    return connection;
  }
}
