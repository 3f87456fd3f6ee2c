import { once } from "node:events";
import { connect } from "node:net";
import { afterEach, expect, test } from "vitest";
import { withDeadline } from "../../../clients/typescript/library/deadline.js";
import { Cleanup } from "../../support/cleanup.js";
import { FakeMaster } from "../../support/fakeMaster.js";
import { standStill } from "../../support/standStill.js";

const cleanup = new Cleanup();
afterEach(() => cleanup.run());

test("an answer that waits in the socket of a process that stood still came in time", async () => {
  const peer = cleanup.use(await FakeMaster.start());
  const socket = connect(peer.port, "127.0.0.1");
  cleanup.defer(() => socket.destroy());
  const connection = await peer.connections.next();
  const late = await withDeadline(200, [], async (signal, expired) => {
    const answer = once(socket, "data", { signal });
    connection.write("an answer");
    standStill(500);
    await answer;
    return expired();
  });
  expect(late).toBe(false);
});

test("what does not come is given up, and said to be late", async () => {
  const late = await withDeadline(50, [], async (signal, expired) => {
    await once(signal, "abort");
    return expired();
  });
  expect(late).toBe(true);
});
