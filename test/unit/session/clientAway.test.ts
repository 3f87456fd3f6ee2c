import { afterEach, beforeEach, expect, test } from "vitest";
import { Call_Type } from "../../../gen/mesos/v1/scheduler/scheduler.js";
import type { SessionManager } from "../../../server/session/sessionManager.js";
import type { AnsweringMaster } from "../../support/answeringMaster.js";
import { Cleanup } from "../../support/cleanup.js";
import { eventually } from "../../support/eventually.js";
import type { FakeRequest } from "../../support/fakeMaster.js";
import { attachRequest, keptLog } from "./samples.js";
import { startSessions } from "./startSessions.js";

let cleanup: Cleanup;
let master: AnsweringMaster;
let sessions: SessionManager;
beforeEach(async () => {
  cleanup = new Cleanup();
  ({ master, sessions } = await startSessions(cleanup, keptLog().log));
  // A test answers them itself.
  master.ignoreSubscriptions();
});
afterEach(() => cleanup.run());

const attach = () => sessions.attach(attachRequest("name"), { wake() {}, end() {} });

/** The SUBSCRIBE after so many others, which waits for its answer. */
async function subscribe(count: number): Promise<FakeRequest> {
  const subscribes = () =>
    master.fake.requests.all.filter(({ body, call }) => body.length > 0 && call().type === Call_Type.SUBSCRIBE);
  return eventually(() => subscribes()[count], { what: "a SUBSCRIBE" });
}

function answer({ connection, call }: FakeRequest): void {
  connection.openStream();
  connection.subscribed({ frameworkId: call().frameworkId?.value ?? "" });
}

test("Mesos learns of a client that leaves, or comes, while a SUBSCRIBE is on its way", async () => {
  const { session, attachment } = await attach();
  const first = await subscribe(0);
  session.clients.detach(attachment);
  await eventually(() => session.state.suppression.away, { what: "the end of the hold" });
  answer(first);
  expect(first.call().subscribe?.suppressedRoles).toEqual([]);
  await master.call("SUPPRESS");

  first.connection.reset();
  const second = await subscribe(1);
  expect(second.call().subscribe?.suppressedRoles).toEqual(["*"]);
  await attach();
  answer(second);
  expect((await master.call("REVIVE")).call().revive?.roles).toEqual(["*"]);
});
