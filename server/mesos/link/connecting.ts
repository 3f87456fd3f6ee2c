import type { Socket } from "node:net";
import { errors } from "undici";
import { PatientTimer } from "../../../wire/patientTimer.js";
import { openSocket } from "./openSocket.js";

export interface ConnectingOptions {
  readonly master: URL;
  /** PEM certificates to trust in place of the system's, for https. */
  readonly tlsCa: string | undefined;
  /** How long connecting may take, in ms. */
  readonly connectTimeoutMs: number;
}

type Connected = (...args: [null, Socket] | [Error, null]) => void;

/** Connects for undici in the way of the calls' connection, within a time, and can be ended while it does. */
export class Connecting {
  readonly #options: ConnectingOptions;
  #close = (): void => {};

  constructor(options: ConnectingOptions) {
    this.#options = options;
  }

  open(callback: Connected): void {
    const { master, tlsCa, connectTimeoutMs } = this.#options;
    let done = false;
    const finish = (error: Error | undefined) => {
      if (done) return;
      done = true;
      timer.stop();
      if (error) socket.destroy();
      if (error) callback(error, null);
      else callback(null, socket);
    };
    const timer = new PatientTimer(() => finish(new errors.ConnectTimeoutError()));
    timer.start(connectTimeoutMs);
    const socket = openSocket(master, tlsCa, () => finish(undefined));
    socket.on("error", finish).on("close", () => finish(new errors.SocketError("closed before it stood")));
    this.#close = () => finish(new errors.SocketError("given up"));
  }

  /** Ends a connection that does not stand yet. */
  close(): void {
    this.#close();
  }
}
