import type { Socket } from "node:net";
import type { Account, ServerStream } from "./serverStream.js";

/** One client's connection, and what it takes of the bridge. */
export class Connection implements Account {
  readonly socket: Socket;
  readonly streams = new Set<ServerStream>();
  heldBytes = 0;
  eventBytes = 0;
  readonly blocked = new Set<() => void>();
  observers = 0;
  longStreams = 0;
  lastUsed: number;

  constructor(socket: Socket, second: number) {
    this.socket = socket;
    this.lastUsed = second;
  }

  unreadBytes(): number {
    let sum = 0;
    for (const stream of this.streams) sum += stream.unreadBytes;
    return sum;
  }

  /** The stream whose unfinished request holds most. */
  greediestStream(): ServerStream | undefined {
    let greediest: ServerStream | undefined;
    for (const stream of this.streams) {
      if (stream.heldBytes > (greediest?.heldBytes ?? 0)) greediest = stream;
    }
    return greediest;
  }
}
