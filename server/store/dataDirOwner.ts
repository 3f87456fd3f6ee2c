import { randomUUID } from "node:crypto";
import { rmSync } from "node:fs";
import { connect, createServer, type Server } from "node:net";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import type { LmdbStore, Owner } from "./lmdbStore.js";

/** Somebody else writes to the data directory. */
export class DataDirInUseError extends Error {
  override readonly name = "DataDirInUseError";
}

/** The kernel's limit is 108 bytes on Linux and 104 elsewhere. */
const MAX_SOCKET_PATH_BYTES = 100;
const MAX_ATTEMPTS = 10;

/**
 * Makes one process the only one that writes to a data directory, until `release`. Who holds it is in the store, where
 * a transaction changes it, so that of two processes that want it at the same time one gets it. Whether a holder
 * lives is asked of a socket that the kernel closes with its process: unlike a process id, that is true across
 * containers, and after a crash nothing has to be cleaned up by hand.
 */
export class DataDirOwner {
  readonly #store: LmdbStore;
  readonly #owner: Owner;
  readonly #server: Server;

  private constructor(store: LmdbStore, owner: Owner, server: Server) {
    this.#store = store;
    this.#owner = owner;
    this.#server = server;
  }

  /**
   * @param what who wants it, for the message that others get
   * @throws DataDirInUseError with one line for a person if another process holds it
   */
  static async acquire(dataDir: string, store: LmdbStore, what: string): Promise<DataDirOwner> {
    const { server, socket } = await listen(dataDir);
    const owner: Owner = { id: randomUUID(), what, pid: process.pid, sinceMs: Date.now(), socket };
    try {
      let gone: Owner | undefined;
      for (let i = 0; i < MAX_ATTEMPTS; i++) {
        const holder = store.claim(owner, gone?.id);
        if (!holder) {
          if (gone) rmSync(resolve(dataDir, gone.socket), { force: true });
          return new DataDirOwner(store, owner, server);
        }
        if (await isAlive(resolve(dataDir, holder.socket))) throw new DataDirInUseError(inUse(dataDir, holder));
        gone = holder;
      }
      throw new DataDirInUseError(`${dataDir} changes hands too often: try again`);
    } catch (error) {
      await close(server);
      throw error;
    }
  }

  async release(): Promise<void> {
    await this.#store.release(this.#owner.id);
    await close(this.#server);
  }
}

function inUse(dataDir: string, { what, pid, sinceMs }: Owner): string {
  const since = new Date(sinceMs).toISOString();
  return `${dataDir} is in use by ${what} (process ${pid}, since ${since}): stop it first, or use another directory`;
}

async function listen(dataDir: string): Promise<{ server: Server; socket: string }> {
  const name = `owner-${randomUUID().slice(0, 8)}.sock`;
  // All who see the directory see what lies in it; elsewhere only if the path is too long or its file system has no sockets.
  let last: unknown;
  for (const socket of [name, join(tmpdir(), `mesos-bridge-${name}`)]) {
    const path = resolve(dataDir, socket);
    if (Buffer.byteLength(path) > MAX_SOCKET_PATH_BYTES) continue;
    try {
      return { server: await listenAt(path), socket };
    } catch (error) {
      last = error;
    }
  }
  throw last ?? new Error("its path is too long");
}

function listenAt(path: string): Promise<Server> {
  return new Promise((done, failed) => {
    const server = createServer((connection) => connection.destroy());
    server.once("error", failed);
    server.listen(path, () => {
      server.unref();
      done(server);
    });
  });
}

/** True unless it is certain that nobody listens any more. */
function isAlive(socket: string): Promise<boolean> {
  return new Promise((done) => {
    const connection = connect(socket);
    connection.once("connect", () => {
      connection.destroy();
      done(true);
    });
    connection.once("error", ({ code }: NodeJS.ErrnoException) => done(code !== "ECONNREFUSED" && code !== "ENOENT"));
  });
}

function close(server: Server): Promise<void> {
  return new Promise((done) => server.close(() => done()));
}
