import { afterEach, beforeEach, expect, test } from "vitest";
import { Call, Event, Event_Type } from "../../../gen/mesos/v1/scheduler/scheduler.js";
import { RequestFields } from "../../../server/grpc/requestFields.js";
import { typedCalls } from "../../../server/grpc/typedCalls.js";
import { idMessage, readAccept } from "../../../server/mesos/messages/calls.js";
import { offersEvent } from "../../../server/mesos/messages/events.js";
import type { Observation, ObserverHub } from "../../../server/session/observerHub.js";
import type { SessionManager } from "../../../server/session/sessionManager.js";
import { lengthDelimited } from "../../../wire/proto.js";
import type { AnsweringMaster } from "../../support/answeringMaster.js";
import { Cleanup } from "../../support/cleanup.js";
import { eventually } from "../../support/eventually.js";
import { attachRequest } from "./samples.js";
import { startSessions } from "./startSessions.js";

/** More than fit as arguments of one call on Node's default stack. */
const MANY = 200_000;

const silent = () => {};
const log = { debug: silent, info: silent, warn: silent, error: silent };

let cleanup: Cleanup;
let master: AnsweringMaster;
let hub: ObserverHub;
let sessions: SessionManager;
beforeEach(async () => {
  cleanup = new Cleanup();
  ({ master, hub, sessions } = await startSessions(cleanup, log));
});
afterEach(() => cleanup.run());

async function attach() {
  const attached = await sessions.attach(attachRequest("name"), { wake: silent, end: silent });
  return { ...attached, subscription: await master.subscriptions.next() };
}

/** Serialized offers of nothing but an id. */
const offers = (count: number) => Array.from({ length: count }, (_, i) => lengthDelimited(1, idMessage(`offer-${i}`)));

test("offers without number go back in batches when their client is away", async () => {
  const { session, attachment, subscription } = await attach();
  subscription.sendBytes(offersEvent(offers(MANY)));
  await eventually(() => session.state.offers.size === MANY, { what: "the offers" });
  const told: Observation[] = [];
  const unobserve = hub.observe((observation) => told.push(observation));
  session.clients.detach(attachment);
  const declined = new Set<string>();
  while (declined.size < MANY) {
    const ids = (await master.call("DECLINE")).call().decline?.offerIds ?? [];
    expect(ids.length).toBeLessThanOrEqual(1_000);
    for (const { value } of ids) declined.add(value ?? "");
  }
  unobserve();
  expect((await master.call("SUPPRESS")).call().suppress?.roles).toEqual([]);
  expect(sessions.find("name")).toBe(session);
  const gone = told.filter((observation) => observation.kind === "offers");
  expect(gone.reduce((sum, { offerIds }) => sum + offerIds.length, 0)).toBe(MANY);
  for (const { offerIds } of gone) expect(offerIds.length).toBeLessThanOrEqual(1_000);
});

test("an OFFERS event of offers without number and content is taken once", async () => {
  const { session, subscription } = await attach();
  await eventually(() => session.linkConnected && session.state.log.lastSequence >= 2, { what: "SUBSCRIBED" });
  const before = session.state.log.lastSequence;
  subscription.sendBytes(offersEvent(Array.from({ length: 700_000 }, () => Buffer.alloc(0))));
  subscription.send({ type: Event_Type.RESCIND, rescind: { offerId: { value: "after" } } });
  const kinds = () => {
    const { log: events } = session.state;
    const types: string[] = [];
    for (let at = before + 1; at <= events.lastSequence; at++) {
      const body = events.at(at)?.body;
      if (body?.kind === "mesos") types.push(Event_Type[Event.decode(body.bytes).type ?? 0] ?? "");
    }
    return types;
  };
  await eventually(() => kinds().includes("RESCIND"), { what: "the event after it" });
  expect(new Set(kinds().slice(0, -1))).toEqual(new Set(["OFFERS"]));
  expect(session.linkConnected).toBe(true);
});

const repeated = (field: number, count: number, item: (i: number) => Uint8Array) =>
  Array.from({ length: count }, (_, i) => lengthDelimited(field, item(i)));

test("calls of a client hold lists of any length", () => {
  const ids = (i: number) => idMessage(`id-${i}`);
  const decline = Call.decode(typedCalls.declineOffers(new RequestFields(Buffer.concat(repeated(2, MANY, ids)))).bytes);
  expect(decline.decline?.offerIds.length).toBe(MANY);
  const asked = Buffer.concat(repeated(2, MANY, (i) => lengthDelimited(1, ids(i))));
  const reconcile = Call.decode(typedCalls.reconcileTasks(new RequestFields(asked)).bytes);
  expect(reconcile.reconcile?.tasks.at(-1)?.taskId?.value).toBe(`id-${MANY - 1}`);
  const task = (i: number) => lengthDelimited(2, ids(i));
  const launch = typedCalls.launchTasks(
    new RequestFields(Buffer.concat([...repeated(2, 1, ids), ...repeated(3, MANY, task)])),
  );
  const accept = readAccept(launch.payload);
  expect(accept.offerIds).toEqual(["id-0"]);
  expect(accept.tasks.length).toBe(MANY);
  expect(accept.tasks.at(-1)?.taskId).toBe(`id-${MANY - 1}`);
});
