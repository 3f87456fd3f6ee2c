import type { Socket } from "node:net";
import { errors } from "undici";
import type { Clock } from "../../../wire/clock.js";
import { PatientTimer } from "../../../wire/patientTimer.js";
import type { Connect } from "./openSocket.js";

export interface ConnectingOptions {
  readonly master: URL;
  readonly connect: Connect;
  readonly clock: Clock;
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
    const { master, connect, clock, connectTimeoutMs } = this.#options;
    let done = false;
    const finish = (error: Error | undefined) => {
      if (done) return;
      done = true;
      timer.stop();
      if (error) socket.destroy();
      if (error) callback(error, null);
      else callback(null, socket);
    };
    const timer = new PatientTimer(() => finish(new errors.ConnectTimeoutError()), clock);
    timer.start(connectTimeoutMs);
    const socket = connect(master, () => finish(undefined));
    socket.on("error", finish).on("close", () => finish(new errors.SocketError("closed before it stood")));
    this.#close = () => finish(new errors.SocketError("given up"));
  }

  /** Ends a connection that does not stand yet. */
  close(): void {
    this.#close();
  }
}
