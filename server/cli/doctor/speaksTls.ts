import { connect } from "node:tls";
import type { Clock } from "../../../wire/clock.js";
import { portOf } from "../../mesos/link/openSocket.js";

const HANDSHAKE_MS = 400;

/** Whether a port answers a TLS handshake. Nothing is sent over the connection, so its certificate does not matter. */
export function speaksTls(master: URL, clock: Clock): Promise<boolean> {
  const host = master.hostname.replace(/^\[|\]$/g, "");
  return new Promise((resolve) => {
    const socket = connect({ host, port: portOf(master), rejectUnauthorized: false });
    const finish = (speaks: boolean) => {
      timer.cancel();
      socket.destroy();
      resolve(speaks);
    };
    const timer = clock.after(HANDSHAKE_MS, () => finish(false));
    socket.once("secureConnect", () => finish(true));
    socket.on("error", () => finish(false)).on("close", () => finish(false));
  });
}
