import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { Event_Type } from "../../../gen/mesos/v1/scheduler/scheduler.js";
import { buildCall, CallType, idMessage } from "../../../server/mesos/messages/calls.js";
import type { CallAnswer } from "../../../server/session/requestMemory.js";
import { lengthDelimited } from "../../../wire/proto.js";
import { Arrivals } from "../../support/arrivals.js";
import { Cleanup } from "../../support/cleanup.js";
import { eventually } from "../../support/eventually.js";
import { attachRequest } from "./samples.js";
import { startSessions } from "./startSessions.js";

let cleanup: Cleanup;

beforeEach(() => {
  cleanup = new Cleanup();
});

afterEach(() => cleanup.run());

const silent = () => {};
const log = { debug: silent, info: silent, warn: silent, error: silent };
const OFFER = { id: { value: "o" }, frameworkId: { value: "f" }, agentId: { value: "a" }, hostname: "h" };

/** A client that was offered "o", and a master that leaves its calls without an answer for now. */
async function offered() {
  const { master, sessions, hub } = await startSessions(cleanup, log);
  const request = attachRequest("test", { frameworkInfo: Buffer.alloc(0), leaseMs: undefined });
  const { session, attachment } = await sessions.attach(request, { wake: silent, end: silent });
  const subscription = await master.subscriptions.next();
  subscription.send({ type: Event_Type.OFFERS, offers: { offers: [OFFER] } });
  await eventually(() => session.state.offers.has("o"));
  master.answerCalls(false);
  const answers = new Arrivals<CallAnswer>();
  const call = (type: number) => {
    const bytes = buildCall(type, [lengthDelimited(1, idMessage("o"))]);
    session.call(attachment.id, "request", bytes, (answer) => answers.push(answer));
  };
  const changes: string[] = [];
  const unwatch = hub.observe((observation) => {
    if (observation.kind === "offers") changes.push(observation.change);
  });
  cleanup.defer(unwatch);
  const leave = () => session.clients.detach(attachment);
  return { master, session, subscription, answers, changes, call, leave };
}

describe.each([
  ["an ACCEPT", "ACCEPT"],
  ["a DECLINE", "DECLINE"],
] as const)("an offer that %s uses which Mesos then refuses", (_name, type) => {
  test("is open again", async () => {
    const { master, session, answers, changes, call } = await offered();
    call(CallType[type]);
    const { connection } = await master.call(type);
    expect(session.state.offers.has("o")).toBe(false);
    connection.answer(400, "no");
    expect((await answers.next()).error?.reason).toBe("CALL_REFUSED");
    expect(session.state.offers.ids()).toEqual(["o"]);
    expect(changes).toEqual([type === "ACCEPT" ? "accepted" : "declined", "opened"]);
  });

  test("is not if Mesos has taken it back meanwhile", async () => {
    const { master, session, subscription, answers, call } = await offered();
    call(CallType[type]);
    const { connection } = await master.call(type);
    const told = session.state.log.lastSequence;
    subscription.send({ type: Event_Type.RESCIND, rescind: { offerId: { value: "o" } } });
    await eventually(() => session.state.log.lastSequence > told);
    connection.answer(400, "no");
    expect((await answers.next()).error?.reason).toBe("CALL_REFUSED");
    expect(session.state.offers.ids()).toEqual([]);
  });

  test("goes back to Mesos if the client is gone", async () => {
    const { master, session, answers, call, leave } = await offered();
    call(CallType[type]);
    const { connection } = await master.call(type);
    leave();
    await master.call("SUPPRESS");
    master.answerCalls(true);
    connection.answer(400, "no");
    await answers.next();
    expect((await master.call("DECLINE")).call().decline?.offerIds.map(({ value }) => value)).toEqual(["o"]);
    expect(session.state.offers.ids()).toEqual([]);
  });
});
