/**
 * A wire with a delay: a TCP relay that hands bytes on, in their order, so many milliseconds after they came. In a
 * process of its own. The address that it relays to and the delay are its arguments.
 */
import { connect, createServer, type Socket } from "node:net";
import { onCommand, report } from "./ipc.js";

/** Bytes under way in one direction; above, the sender is not read. */
const MAX_UNDER_WAY = 64 * 1024 * 1024;

const [address = "", delay = "2"] = process.argv.slice(2);
const [host = "", port = ""] = address.split(":");
const delayMs = Number(delay);

interface Delayed {
  readonly due: number;
  /** None: the end of the stream. */
  readonly bytes: Buffer | undefined;
}

function relay(from: Socket, to: Socket): void {
  const underWay: Delayed[] = [];
  let size = 0;
  let timer: NodeJS.Timeout | undefined;
  const arrive = () => {
    timer = undefined;
    const now = performance.now();
    let first = underWay[0];
    to.cork();
    for (; first && first.due <= now; first = underWay[0]) {
      underWay.shift();
      size -= first.bytes?.length ?? 0;
      if (first.bytes) to.write(first.bytes);
      else to.end();
    }
    to.uncork();
    if (from.isPaused() && size < MAX_UNDER_WAY) from.resume();
    if (first) timer = setTimeout(arrive, Math.max(0, first.due - now));
  };
  const send = (bytes: Buffer | undefined) => {
    underWay.push({ due: performance.now() + delayMs, bytes });
    size += bytes?.length ?? 0;
    if (size >= MAX_UNDER_WAY) from.pause();
    timer ??= setTimeout(arrive, delayMs);
  };
  from.setNoDelay(true);
  from.on("data", send);
  from.on("end", () => send(undefined));
  from.on("error", () => {});
  from.on("close", () => {
    clearTimeout(timer);
    to.destroy();
  });
}

const server = createServer({ allowHalfOpen: true }, (socket) => {
  const target = connect({ host, port: Number(port), allowHalfOpen: true });
  relay(socket, target);
  relay(target, socket);
});
server.listen(0, "127.0.0.1", () => {
  const listening = server.address();
  report({ kind: "ready", port: typeof listening === "object" && listening ? listening.port : 0 });
});
onCommand({});
