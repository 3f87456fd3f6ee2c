import { afterEach, expect, test } from "vitest";
import { ListDetector } from "../../../server/mesos/detect/detector.js";
import { noAuthentication } from "../../../server/mesos/link/authentication.js";
import { linksWith } from "../../../server/mesos/link/link.js";
import { type Connect, connectWith } from "../../../server/mesos/link/openSocket.js";
import { ObserverHub } from "../../../server/session/observerHub.js";
import { SessionManager } from "../../../server/session/sessionManager.js";
import { LogStore } from "../../../server/store/logStore.js";
import { AnsweringMaster } from "../../support/answeringMaster.js";
import { Cleanup } from "../../support/cleanup.js";
import { eventually } from "../../support/eventually.js";
import { VirtualClock } from "../../support/virtualClock.js";
import { attachRequest, keptLog } from "./samples.js";

const START_MS = Date.UTC(2040, 1, 29);
const LEASE_MS = 3_600_000;

const cleanup = new Cleanup();
afterEach(() => cleanup.run());

/** Sessions, links and a store whose time, chance and network are the test's. */
async function world() {
  const master = cleanup.use(await AnsweringMaster.start());
  const clock = new VirtualClock(START_MS);
  const { log } = keptLog();
  let ids = 0;
  const randomness = { fraction: () => 0.5, uuid: () => `id-${++ids}` };
  const asked: string[] = [];
  const overLoopback = connectWith();
  const connect: Connect = (url, onReady) => {
    asked.push(url.host);
    return overLoopback(master.fake.url, onReady);
  };
  const store = await LogStore.open(await cleanup.tempDir(), { log, clock });
  cleanup.defer(() => store.close());
  const detector = new ListDetector({ kind: "list", urls: [new URL("http://master.example:5050")] });
  const links = linksWith({ detector, authentication: noAuthentication, log, clock, randomness, connect });
  const sessions = new SessionManager({ links, log, store, hub: new ObserverHub(), clock, randomness });
  cleanup.defer(() => sessions.close());
  return { master, clock, sessions, store, asked };
}

test("an hour of lease passes when the clock says so", async () => {
  const { master, clock, sessions, store, asked } = await world();
  const request = attachRequest("name", { leaseMs: LEASE_MS });
  const { session, attachment } = await sessions.attach(request, { wake() {}, end() {} });
  expect(session.state.record.frameworkId).toBe("id-1");
  expect(attachment.id).toBe("id-2");
  await eventually(() => session.linkConnected, { what: "a subscription" });

  session.clients.detach(attachment);
  expect(session.leaseExpiresMs).toBe(clock.wallTime() + LEASE_MS);
  await clock.advance(4_999);
  expect(session.state.suppression.away).toBe(false);
  await clock.advance(1);
  expect(session.state.suppression.away).toBe(true);
  await master.call("SUPPRESS");
  expect(asked).toEqual(["master.example:5050", "master.example:5050"]);

  // The master sends no heartbeats, and is given up after five of them.
  await clock.advance(74_999 - 5_000);
  expect(session.linkConnected).toBe(true);
  await clock.advance(1);
  await eventually(() => !session.linkConnected, { what: "the end of the subscription" });

  await clock.advance(LEASE_MS - 75_001);
  expect(sessions.find("name")).toBe(session);
  await clock.advance(1);
  expect(sessions.find("name")).toBeUndefined();
  await eventually(() => store.framework("name")?.open === false, { what: "the end of the session in the store" });
});

test("a master that can't be reached is tried again after waits of the test's chance", async () => {
  const { master, clock, sessions, asked } = await world();
  await master.fake.stop();
  await sessions.attach(attachRequest("name"), { wake() {}, end() {} });
  // Half of 100, 200 and 400 ms.
  for (const [attempt, waitMs] of [50, 100, 200].entries()) {
    await eventually(() => asked.length === attempt + 1, { what: `attempt ${attempt + 1}` });
    await eventually(() => clock.waits().includes(waitMs), { what: `a pause of ${waitMs} ms` });
    await clock.advance(waitMs - 1);
    expect(asked).toHaveLength(attempt + 1);
    await clock.advance(1);
  }
  await eventually(() => asked.length === 4, { what: "attempt 4" });
});
