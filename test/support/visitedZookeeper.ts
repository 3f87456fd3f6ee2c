import { once } from "node:events";
import { type AddressInfo, createServer, type Server, type Socket } from "node:net";
import { FrameReader, FrameSplitter, FrameWriter } from "../../server/mesos/detect/zookeeperWire.js";

/** ZooKeeper's number of a request that reads. */
const OP = { data: 4, children: 8, ping: 11, auth: 100, close: -11 } as const;
const NO_NODE = -101;
const NO_AUTH = -102;

export interface VisitedZookeeperOptions {
  /** What nodes hold, by their paths. */
  readonly nodes: Readonly<Record<string, string>>;
  /** Only sessions with these `user:password` may read. */
  readonly auth?: string;
}

/** A ZooKeeper that holds some nodes, and keeps the numbers of all requests but pings. */
export class VisitedZookeeper {
  readonly requests: number[] = [];
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  readonly #options: VisitedZookeeperOptions;

  private constructor(options: VisitedZookeeperOptions) {
    this.#options = options;
    this.#server = createServer((socket) => this.#serve(socket));
  }

  static async start(options: VisitedZookeeperOptions): Promise<VisitedZookeeper> {
    const zookeeper = new VisitedZookeeper(options);
    zookeeper.#server.listen(0, "127.0.0.1");
    await once(zookeeper.#server, "listening");
    return zookeeper;
  }

  get host(): string {
    return `127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  stop(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    return new Promise((resolve) => this.#server.close(() => resolve()));
  }

  #serve(socket: Socket): void {
    this.#sockets.add(socket);
    socket.on("error", () => {}).on("close", () => this.#sockets.delete(socket));
    const frames = new FrameSplitter(1024 * 1024);
    let isOpen = false;
    let user = "";
    socket.on("data", (chunk: Buffer) => {
      for (const frame of frames.push(chunk)) {
        const reader = new FrameReader(frame);
        if (!isOpen) {
          isOpen = true;
          socket.write(new FrameWriter().int(0).int(10_000).long(1n).bytes(Buffer.alloc(16)).bool(false).finish());
          continue;
        }
        const [xid, op] = [reader.int(), reader.int()];
        if (op !== OP.ping) this.requests.push(op);
        if (op === OP.auth) user = authIn(reader);
        const answer = this.#answer(op, reader, user);
        if (answer) socket.write(withHead(xid, answer));
      }
    });
  }

  #answer(op: number, reader: FrameReader, user: string): Answer | undefined {
    if (op === OP.close) return undefined;
    if (op === OP.ping || op === OP.auth) return { error: 0 };
    const path = reader.string();
    const { nodes, auth } = this.#options;
    const children = Object.keys(nodes).filter((node) => node.startsWith(`${path}/`));
    if (auth !== undefined && user !== auth) return { error: NO_AUTH };
    if (op === OP.children && (children.length > 0 || path in nodes)) {
      return { error: 0, children: children.map((node) => node.slice(path.length + 1)) };
    }
    const data = op === OP.data ? nodes[path] : undefined;
    return data === undefined ? { error: NO_NODE } : { error: 0, data };
  }
}

interface Answer {
  readonly error: number;
  readonly children?: readonly string[];
  readonly data?: string;
}

function authIn(reader: FrameReader): string {
  reader.int();
  reader.string();
  return Buffer.from(reader.bytes()).toString("utf8");
}

function withHead(xid: number, { error, children, data }: Answer): Buffer {
  const writer = new FrameWriter().int(xid).long(1n).int(error);
  if (data !== undefined) writer.bytes(Buffer.from(data));
  if (children) {
    writer.int(children.length);
    for (const child of children) writer.string(child);
  }
  return writer.finish();
}
