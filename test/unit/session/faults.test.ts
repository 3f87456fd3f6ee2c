import { afterEach, beforeEach, expect, test } from "vitest";
import { Event_Type } from "../../../gen/mesos/v1/scheduler/scheduler.js";
import { buildCall, CallType, idMessage } from "../../../server/mesos/messages/calls.js";
import type { BridgeError } from "../../../server/session/errors.js";
import type { Observation, ObserverHub } from "../../../server/session/observerHub.js";
import type { SessionManager } from "../../../server/session/sessionManager.js";
import { lengthDelimited, messageField, varintField } from "../../../wire/proto.js";
import type { AnsweringMaster } from "../../support/answeringMaster.js";
import { Cleanup } from "../../support/cleanup.js";
import { deferred, eventually } from "../../support/eventually.js";
import { attachRequest } from "./samples.js";
import { startSessions } from "./startSessions.js";

const silent = () => {};
const errors: object[] = [];
const log = { debug: silent, info: silent, warn: silent, error: (fields: object) => errors.push(fields) };

let cleanup: Cleanup;
let master: AnsweringMaster;
let hub: ObserverHub;
let sessions: SessionManager;
beforeEach(async () => {
  errors.length = 0;
  cleanup = new Cleanup();
  ({ master, hub, sessions } = await startSessions(cleanup, log));
});
afterEach(() => cleanup.run());

async function attach(frameworkName: string) {
  const ended = deferred<BridgeError | undefined>();
  const attached = await sessions.attach(attachRequest(frameworkName), { wake: silent, end: ended.resolve });
  return { ...attached, ended: ended.promise, subscription: await master.subscriptions.next() };
}

/** From now on a fault of the bridge's own shows wherever something of this kind happens to the framework. */
function failAt(frameworkName: string, failing: (observation: Observation) => boolean): void {
  const unobserve = hub.observe((observation) => {
    if (observation.frameworkName === frameworkName && failing(observation)) throw new Error("a fault");
  });
  cleanup.defer(async () => unobserve());
}

const declined = (observation: Observation) => observation.kind === "offers" && observation.change === "declined";
const offer = (id: string) => ({
  type: Event_Type.OFFERS,
  offers: { offers: [{ id: { value: id }, frameworkId: { value: "f" }, agentId: { value: "a" }, hostname: "h" }] },
});

test("a fault in a timer of one session ends that session, and nothing else", async () => {
  const faulty = await attach("faulty");
  const other = await attach("other");
  faulty.subscription.send(offer("one"));
  other.subscription.send(offer("two"));
  await eventually(() => faulty.session.state.offers.size + other.session.state.offers.size === 2, { what: "offers" });
  failAt("faulty", declined);
  faulty.session.clients.detach(faulty.attachment);
  other.session.clients.detach(other.attachment);
  await eventually(() => sessions.find("faulty") === undefined, { what: "the end of the faulty session" });
  const declining = [await master.call("DECLINE"), await master.call("DECLINE")];
  expect(declining.map((request) => request.call().frameworkId?.value)).toContain(
    other.session.state.record.frameworkId,
  );
  expect(sessions.find("other")?.linkConnected).toBe(true);
  expect(errors).toMatchObject([{ framework: "faulty", err: { message: "a fault" } }]);
});

test("a client whose session has failed while it was away attaches to the same framework", async () => {
  const first = await attach("name");
  first.subscription.send(offer("one"));
  await eventually(() => first.session.state.offers.size === 1, { what: "the offer" });
  failAt("name", declined);
  first.session.clients.detach(first.attachment);
  await eventually(() => sessions.find("name") === undefined, { what: "the end of the session" });
  const { session, attachment } = await attach("name");
  expect(session.state.record.frameworkId).toBe(first.session.state.record.frameworkId);
  expect(attachment.ended).toBe(false);
});

test("a client whose session fails at an answer of Mesos is told so", async () => {
  const { session, attachment, subscription, ended } = await attach("name");
  subscription.send(offer("one"));
  await eventually(() => session.state.offers.size === 1, { what: "the offer" });
  failAt("name", (observation) => observation.kind === "launch" && observation.outcome === "accepted");
  const task = lengthDelimited(1, lengthDelimited(2, idMessage("task")));
  const launch = messageField(2, [varintField(1, 1), lengthDelimited(2, task)]);
  session.call(attachment.id, "", buildCall(CallType.ACCEPT, [lengthDelimited(1, idMessage("one")), launch]), silent);
  expect(await ended).toMatchObject({ reason: "INTERNAL" });
  expect(errors).toMatchObject([{ framework: "name", err: { message: "a fault" } }]);
});
