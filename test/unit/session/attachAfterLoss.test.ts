import { afterEach, expect, test } from "vitest";
import type { AttachmentSink } from "../../../server/session/attachment.js";
import type { LogStore } from "../../../server/store/logStore.js";
import { Cleanup } from "../../support/cleanup.js";
import { attachRequest } from "./samples.js";
import { startSessions } from "./startSessions.js";

const cleanup = new Cleanup();
afterEach(() => cleanup.run());

const nowhere: AttachmentSink = { wake() {}, end() {} };
const silent = () => {};
const log = { debug: silent, info: silent, warn: silent, error: silent };

test("a client that is lost while the next one attaches does not start the lease of a restarted bridge", async () => {
  let opened: LogStore | undefined;
  const { sessions } = await startSessions(cleanup, log, (inner) => {
    opened = inner;
    return inner;
  });
  const store = opened as LogStore;
  const request = attachRequest("name", { leaseMs: 1_000, expiryPolicy: "teardown" });
  const first = await sessions.attach(request, nowhere);
  // What changes nothing is not written: this changes the lease.
  const second = sessions.attach({ ...request, leaseMs: 2_000 }, nowhere);
  // The second attach is writing its record by now.
  await new Promise((resolve) => setImmediate(resolve));
  expect(first.attachment.ended).toBe(false);
  first.session.clients.detach(first.attachment);
  const { session } = await second;
  expect(session.attached).toBe(true);
  // In the order of all that was put before.
  await store.put({ ...session.state.record, frameworkName: "another" });
  expect(store.framework("name")?.detachedAtMs).toBeUndefined();
});
