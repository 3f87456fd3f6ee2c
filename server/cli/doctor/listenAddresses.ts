import { access, constants, lstat } from "node:fs/promises";
import { dirname } from "node:path";
import type { ListenAddress, SocketAddress } from "../../grpc/connections/listenAddress.js";
import { ListenError, Listener } from "../../grpc/connections/listener.js";
import { stateAt } from "../../store/ownerSocket.js";
import { allowedAddresses } from "../listening.js";
import { type Check, type Finding, fail, ok } from "./check.js";
import { OWNER } from "./dataDirectory.js";
import { CLIENT_FILES } from "./files.js";
import { failed } from "./sentence.js";

/** Whether the bridge may and can listen where it is told to. Listens for a moment, except on unix sockets. */
export const listenAddresses: Check = {
  name: "listen addresses",
  // A bridge that has the data directory has the addresses too.
  needs: [CLIENT_FILES, OWNER],
  run: async ({ config, protection = { tls: false, authentication: false } }) => {
    let addresses: ListenAddress[];
    try {
      addresses = await allowedAddresses(config, protection);
    } catch (error) {
      return failed(error, "Correct --listen.");
    }
    for (const address of addresses) {
      const finding = address.kind === "unix" ? await socketTrouble(address) : await portTrouble(address);
      if (finding) return finding;
    }
    return ok(`${config.listen.join(", ")} can be listened on`);
  },
};

async function portTrouble(address: ListenAddress): Promise<Finding | undefined> {
  const listener = new Listener((socket) => socket.destroy());
  try {
    await listener.listen([address]);
    return undefined;
  } catch (error) {
    if (!(error instanceof ListenError)) throw error;
    const { text } = error.address;
    if (error.inUse) return taken(text);
    return fail(
      `--listen: ${text} can't be used: ${error.message}`,
      "Use an address that this machine has, and a port that this user may open.",
    );
  } finally {
    listener.close();
  }
}

async function socketTrouble({ text, path }: SocketAddress): Promise<Finding | undefined> {
  const found = await lstat(path).catch(() => undefined);
  if (found && !found.isSocket()) {
    return fail(`--listen: ${path} is a file that is not a socket`, "Choose another path, or remove the file.");
  }
  if (found && (await stateAt(path)) === "alive") return taken(text);
  try {
    await access(dirname(path), constants.W_OK | constants.X_OK);
    return undefined;
  } catch {
    const cure = "Make that directory, and let the bridge's user write there.";
    return fail(`--listen: the socket ${path} can't be made, because ${dirname(path)} can't be written`, cure);
  }
}

function taken(text: string): Finding {
  return fail(
    `--listen: ${text} is in use by another program`,
    "Stop that program, or choose another address ('ss -ltnp' shows who listens).",
  );
}
