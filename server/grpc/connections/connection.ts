import type { Socket } from "node:net";
import type { Evidence } from "../../access/evidence.js";
import type { Account, ServerStream } from "./serverStream.js";

/** On a socket: its connection. HTTP/2 shows its socket only through a proxy, which gives properties and not itself. */
const OWNER = Symbol("connection");

type Owned = Socket & { [OWNER]?: Connection };

/** Says to which connection a socket belongs over which HTTP/2 is spoken. */
export function setOwner(socket: Owned, connection: Connection): void {
  socket[OWNER] = connection;
}

/** The connection of a socket, as HTTP/2 shows it. */
export function ownerOf(socket: Owned): Connection | undefined {
  return socket[OWNER];
}

/** One client's connection, and what it takes of the bridge. */
export class Connection implements Account {
  readonly socket: Socket;
  /** Where it comes from, for logs. */
  readonly peer: string;
  evidence: Evidence;
  readonly streams = new Set<ServerStream>();
  heldBytes = 0;
  eventBytes = 0;
  readonly blocked = new Set<() => void>();
  observers = 0;
  longStreams = 0;
  lastUsed: number;
  /** It has made a call with valid credentials, or none are needed. */
  known = false;

  constructor(socket: Socket, peer: string, evidence: Evidence, second: number) {
    this.socket = socket;
    this.peer = peer;
    this.evidence = evidence;
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
