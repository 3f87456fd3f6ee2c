import { pino } from "pino";
import { afterEach, expect, test } from "vitest";
import { noAuthentication } from "../../../server/mesos/authentication.js";
import { ListDetector } from "../../../server/mesos/detector.js";
import type { AttachmentSink } from "../../../server/session/attachment.js";
import { ObserverHub } from "../../../server/session/observerHub.js";
import { type AttachRequest, SessionManager } from "../../../server/session/sessionManager.js";
import { LogStore } from "../../../server/store/logStore.js";
import { AnsweringMaster } from "../../support/answeringMaster.js";
import { Cleanup } from "../../support/cleanup.js";

const cleanup = new Cleanup();
afterEach(() => cleanup.run());

const nowhere: AttachmentSink = { wake() {}, end() {} };

function request(frameworkName: string): AttachRequest {
  return {
    identity: { name: "test" },
    frameworkName,
    frameworkInfo: Buffer.from("0a04726f6f74", "hex"),
    suppressedRoles: [],
    offerConstraints: Buffer.alloc(0),
    resume: undefined,
    leaseMs: 1_000,
    expiryPolicy: "teardown",
    replaceRemoved: false,
  };
}

test("a client that is lost while the next one attaches does not start the lease of a restarted bridge", async () => {
  const master = cleanup.use(await AnsweringMaster.start());
  const log = pino({ level: "silent" });
  const store = await LogStore.open(await cleanup.tempDir(), { log });
  cleanup.defer(() => store.close());
  const detector = new ListDetector({ kind: "list", urls: [master.fake.url] });
  const link = { detector, authentication: noAuthentication, log };
  const sessions = new SessionManager({ link, store, hub: new ObserverHub() });
  cleanup.defer(() => sessions.close());
  const first = await sessions.attach(request("name"), nowhere);
  const second = sessions.attach(request("name"), nowhere);
  // The second attach is writing its record by now.
  await new Promise((resolve) => setImmediate(resolve));
  first.session.detach(first.attachment);
  const { session } = await second;
  expect(session.attached).toBe(true);
  // In the order of all that was put before.
  await store.put({ ...session.state.record, frameworkName: "another" });
  expect(store.framework("name")?.detachedAtMs).toBeUndefined();
});
