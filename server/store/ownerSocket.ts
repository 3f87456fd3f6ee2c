import { chmodSync, existsSync, statSync } from "node:fs";
import { connect, createServer, type Server } from "node:net";
import { tmpdir } from "node:os";
import { isAbsolute, join, resolve } from "node:path";

/** The kernel's limit is 108 bytes on Linux and 104 elsewhere. */
const MAX_SOCKET_PATH_BYTES = 100;

/** A socket that is listened on for as long as its process lives, so that others see whether it does. */
export class OwnerSocket {
  /** Where it lies: relative to the data directory, or absolute. */
  readonly name: string;
  readonly #path: string;
  #server: Server;

  private constructor(name: string, path: string, server: Server) {
    this.name = name;
    this.#path = path;
    this.#server = server;
  }

  static async listen(dataDir: string, id: string): Promise<OwnerSocket> {
    const inside = `owner-${id}.sock`;
    // All who see the directory see what lies in it; elsewhere only if the path is too long or its file system has no sockets.
    let last: unknown;
    // A short name, so that the claim which holds it fits into an inode of ext4 (59 bytes), and needs no room on a full disk.
    for (const name of [inside, join(tmpdir(), `mb-${id}${suffixOf(dataDir)}`)]) {
      const path = resolve(dataDir, name);
      if (Buffer.byteLength(path) > MAX_SOCKET_PATH_BYTES) continue;
      try {
        return new OwnerSocket(name, path, await listenAt(path));
      } catch (error) {
        last = error;
      }
    }
    throw last ?? new Error("its path is too long");
  }

  /** Listens again if somebody has removed the socket. */
  async keep(): Promise<void> {
    if (existsSync(this.#path)) return;
    await this.close();
    this.#server = await listenAt(this.#path);
  }

  close(): Promise<void> {
    return new Promise((done) => this.#server.close(() => done()));
  }
}

/** `missing` says nothing: an owner whose socket was removed may live. */
export type SocketState = "alive" | "dead" | "missing";

/** Of a socket by its name, as the directory has it. */
export async function socketState(dataDir: string, name: string): Promise<SocketState> {
  // In a copy of the directory stands who owns the original.
  if (isAbsolute(name) && !name.endsWith(suffixOf(dataDir))) return "dead";
  return stateAt(resolve(dataDir, name));
}

export function stateAt(path: string): Promise<SocketState> {
  return new Promise((done) => {
    const connection = connect(path);
    connection.once("connect", () => {
      connection.destroy();
      done("alive");
    });
    connection.once("error", ({ code }: NodeJS.ErrnoException) => {
      if (code === "ECONNREFUSED") done("dead");
      else done(code === "ENOENT" || code === "ENOTSOCK" ? "missing" : "alive");
    });
  });
}

/** Says to which directory a socket belongs that lies elsewhere. */
function suffixOf(dataDir: string): string {
  return `-${statSync(dataDir).ino}.sock`;
}

function listenAt(path: string): Promise<Server> {
  return new Promise((done, failed) => {
    const server = createServer((connection) => connection.destroy());
    server.once("error", failed);
    server.listen(path, () => {
      server.unref();
      chmodSync(path, 0o600);
      done(server);
    });
  });
}
