import { afterEach, beforeEach, expect, test } from "vitest";
import { Event_Type } from "../../../gen/mesos/v1/scheduler/scheduler.js";
import { ListDetector } from "../../../server/mesos/detect/detector.js";
import { noAuthentication } from "../../../server/mesos/link/authentication.js";
import { linksWith } from "../../../server/mesos/link/link.js";
import { buildCall, CallType, idMessage } from "../../../server/mesos/messages/calls.js";
import { ObserverHub } from "../../../server/session/observerHub.js";
import type { CallAnswer } from "../../../server/session/requestMemory.js";
import { SessionManager } from "../../../server/session/sessionManager.js";
import { LogStore } from "../../../server/store/logStore.js";
import { lengthDelimited, messageField, varintField, WireError } from "../../../wire/proto.js";
import { Arrivals } from "../../support/arrivals.js";
import { Cleanup } from "../../support/cleanup.js";
import { eventually } from "../../support/eventually.js";
import { FakeMaster } from "../../support/fakeMaster.js";
import { attachRequest, offer } from "./samples.js";

let cleanup: Cleanup;

beforeEach(() => {
  cleanup = new Cleanup();
});

afterEach(() => cleanup.run());

/** A session with an attached client, and the fake master that it is subscribed to. */
async function attached() {
  const silent = () => {};
  const log = { debug: silent, info: silent, warn: silent, error: silent };
  const master = cleanup.use(await FakeMaster.start());
  const store = await LogStore.open(await cleanup.tempDir(), { log });
  cleanup.defer(() => store.close());
  const detector = new ListDetector({ kind: "list", urls: [master.url] });
  const links = linksWith({ detector, authentication: noAuthentication, log });
  const sessions = new SessionManager({ links, log, store, hub: new ObserverHub() });
  cleanup.defer(() => sessions.close());
  const { session, attachment } = await sessions.attach(
    attachRequest("test", { frameworkInfo: Buffer.alloc(0), leaseMs: undefined }),
    { wake: silent, end: silent },
  );
  const { frameworkId } = session.state.record;
  const { connection } = await master.subscription({ frameworkId });
  await eventually(() => session.linkConnected);
  return { master, session, store, connection, id: attachment.id };
}

test("a call that can't be read is refused each time, and no retry waits for its answer", async () => {
  const { session, id } = await attached();
  const never = () => expect.unreachable("an answer");
  const accept = buildCall(CallType.ACCEPT, [Buffer.from([0x0a, 0x7f])]);
  for (let i = 0; i < 2; i++) expect(() => session.call(id, "request", accept, never)).toThrow(WireError);
});

test("a retry of a call is answered as the first, and reaches Mesos once", async () => {
  const { master, session, id } = await attached();
  const answers = new Arrivals<CallAnswer>();
  const revive = buildCall(CallType.REVIVE);
  session.call(id, "request", revive, (answer) => answers.push(answer));
  session.call(id, "request", revive, (answer) => answers.push(answer));
  (await master.requests.next()).connection.answer(400, "Framework is in a bad mood");
  const [first, second] = await answers.take(2);
  session.call(id, "request", revive, (answer) => answers.push(answer));
  expect(first).toMatchObject({ error: { reason: "CALL_REFUSED" } });
  expect([second, await answers.next()]).toEqual([first, first]);
  expect(master.requests.all.map(({ path }) => path)).toHaveLength(2);
});

test("a task with a very long id is launched and remembered: Mesos says what is wrong with it", async () => {
  const { master, session, store, connection, id } = await attached();
  const open = offer("the-offer");
  connection.send({ type: Event_Type.OFFERS, offers: { offers: [{ id: { value: "the-offer" }, hostname: "h" }] } });
  await eventually(() => session.state.offers.has(open.id));
  const task = messageField(1, [lengthDelimited(2, idMessage("x".repeat(5_000))), lengthDelimited(3, idMessage("a"))]);
  const launch = messageField(2, [varintField(1, 1), lengthDelimited(2, task)]);
  const accept = buildCall(CallType.ACCEPT, [lengthDelimited(1, idMessage("the-offer")), launch]);
  const answers = new Arrivals<CallAnswer>();
  session.call(id, "request", accept, (answer) => answers.push(answer));
  (await master.requests.next()).connection.answer(202);
  expect(await answers.next()).toEqual({ error: undefined, gone: 0 });
  expect(store.tasks("test")).toEqual([{ taskId: "x".repeat(5_000), agentId: "a" }]);
});
