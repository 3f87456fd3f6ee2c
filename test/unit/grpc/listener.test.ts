import { once } from "node:events";
import { existsSync, statSync, writeFileSync } from "node:fs";
import { connect, createServer, type Socket } from "node:net";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import type { ListenAddress } from "../../../server/grpc/connections/listenAddress.js";
import { Listener } from "../../../server/grpc/connections/listener.js";
import { cleanupAfterAll } from "../../support/cleanup.js";
import { eventually } from "../../support/eventually.js";

const cleanup = cleanupAfterAll();
const TCP: ListenAddress = { kind: "tcp", text: "127.0.0.1:0", ips: ["127.0.0.1"], port: 0 };

const unix = async (): Promise<Extract<ListenAddress, { kind: "unix" }>> => {
  const path = join(await cleanup.tempDir(), "grpc.sock");
  return { kind: "unix", text: `unix:${path}`, path };
};

function listener(): { listener: Listener; came: { address: ListenAddress; socket: Socket }[] } {
  const came: { address: ListenAddress; socket: Socket }[] = [];
  const made = new Listener((socket, address) => came.push({ socket, address }));
  cleanup.defer(() => {
    made.close();
    for (const { socket } of came) socket.destroy();
  });
  return { listener: made, came };
}

async function connected(path: string): Promise<Socket> {
  const socket = connect(path);
  cleanup.defer(() => socket.destroy());
  await once(socket, "connect");
  return socket;
}

test("a connection comes with the address that it came to", async () => {
  const socket = await unix();
  const { listener: both, came } = listener();
  const [tcp, second] = await both.listen([TCP, socket]);
  expect(tcp?.text).toBe(`127.0.0.1:${tcp?.port}`);
  expect(second).toEqual({ address: socket, text: socket.text, port: 0 });
  await connected(socket.path);
  await eventually(() => expect(came.map(({ address }) => address.kind)).toEqual(["unix"]));
  const client = connect(tcp?.port ?? 0, "127.0.0.1");
  cleanup.defer(() => client.destroy());
  await eventually(() => expect(came.map(({ address }) => address.kind)).toEqual(["unix", "tcp"]));
});

describe("a unix socket", () => {
  test("belongs to its owner and group, and is removed in the end", async () => {
    const address = await unix();
    const { listener: open } = listener();
    await open.listen([address]);
    expect((statSync(address.path).mode & 0o777).toString(8)).toBe("660");
    open.close();
    await eventually(() => expect(existsSync(address.path)).toBe(false));
  });

  test("that nobody listens on any more is replaced", async () => {
    const address = await unix();
    const dead = createServer().listen(address.path);
    await once(dead, "listening");
    // As the kernel leaves it when its process is killed.
    const { renameSync } = await import("node:fs");
    renameSync(address.path, `${address.path}.kept`);
    dead.close();
    await once(dead, "close");
    renameSync(`${address.path}.kept`, address.path);
    const { listener: open, came } = listener();
    await open.listen([address]);
    await connected(address.path);
    await eventually(() => expect(came).toHaveLength(1));
  });

  test("that another process listens on stays its own", async () => {
    const address = await unix();
    const other = createServer().listen(address.path);
    cleanup.defer(() => other.close());
    await once(other, "listening");
    await expect(listener().listener.listen([address])).rejects.toMatchObject({ address, inUse: true });
    await connected(address.path);
  });

  test("is not made in place of a file", async () => {
    const address = await unix();
    writeFileSync(address.path, "kept");
    await expect(listener().listener.listen([address])).rejects.toThrow("there is a file that is not a socket");
    expect(statSync(address.path).size).toBe(4);
  });

  test("in a folder that does not exist is told", async () => {
    const path = "/none/grpc.sock";
    const failing = listener().listener.listen([{ kind: "unix", text: `unix:${path}`, path }]);
    await expect(failing).rejects.toMatchObject({ inUse: false, message: expect.stringMatching(/EACCES|ENOENT/) });
  });
});

test("if one address can't be used, none is", async () => {
  const address = await unix();
  const other = createServer().listen(0, "127.0.0.1");
  cleanup.defer(() => other.close());
  await once(other, "listening");
  const { port } = other.address() as { port: number };
  const { listener: both } = listener();
  const failing = both.listen([address, { ...TCP, text: `127.0.0.1:${port}`, port }]);
  await expect(failing).rejects.toMatchObject({ inUse: true, address: { kind: "tcp" } });
  await eventually(() => expect(existsSync(address.path)).toBe(false));
  await both.listen([address]);
  await connected(address.path);
});
