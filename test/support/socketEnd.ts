import type { Socket } from "node:net";
import { within } from "./eventually.js";

/** Waits until a connection is closed: in order, or by a reset, of which `once` would make an error. */
export async function socketClosed(socket: Socket): Promise<void> {
  if (socket.closed) return;
  const closed = new Promise<void>((resolve) => socket.once("close", () => resolve()).on("error", () => {}));
  await within(closed, { what: "the end of the connection" });
}
