import { lstatSync, unlinkSync } from "node:fs";
import { connect, type Server } from "node:net";

/** Its owner and its group may connect. */
const FILE_MODE = 0o660;

/**
 * Makes a server listen on a unix socket. A file that a killed process left behind is replaced.
 *
 * @throws Error with the code EADDRINUSE if another process listens there, or one that says what lies there
 */
export async function listenOnSocket(server: Server, path: string): Promise<void> {
  await makeWay(path);
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    // The file is made within `listen`, so nobody can connect before it has its mode.
    const before = process.umask(0o777 & ~FILE_MODE);
    try {
      server.listen({ path }, () => {
        server.off("error", reject);
        resolve();
      });
    } finally {
      process.umask(before);
    }
  });
}

async function makeWay(path: string): Promise<void> {
  const found = lstatSync(path, { throwIfNoEntry: false });
  if (!found) return;
  if (!found.isSocket()) throw new Error("there is a file that is not a socket: choose another path, or remove it");
  if (await isListenedOn(path)) throw Object.assign(new Error("EADDRINUSE"), { code: "EADDRINUSE" });
  // Another bridge may have replaced it meanwhile.
  if (lstatSync(path, { throwIfNoEntry: false })?.ino === found.ino) unlinkSync(path);
}

/** @throws Error if it can't be told */
function isListenedOn(path: string): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const connection = connect(path);
    connection.once("connect", () => {
      connection.destroy();
      resolve(true);
    });
    connection.once("error", (error: NodeJS.ErrnoException) => {
      if (error.code === "ECONNREFUSED" || error.code === "ENOENT") resolve(false);
      // Its queue of connections is full.
      else if (error.code === "EAGAIN") resolve(true);
      else reject(error);
    });
  });
}
