import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { Call_Type, Event_Type } from "../../gen/mesos/v1/scheduler/scheduler.js";
import { LinkState } from "../../gen/mesosbridge/v1/scheduler.js";
import { AnsweringMaster, type FakeSubscription } from "../support/answeringMaster.js";
import { startBridge } from "../support/bridge.js";
import { BridgeScheduler } from "../support/bridgeScheduler.js";
import { Cleanup } from "../support/cleanup.js";
import { eventually } from "../support/eventually.js";
import { task } from "../support/messages.js";

/** What masters, and what stands in front of them, may answer in place of 202. */
describe("a call that is answered by something else than 202", () => {
  const cleanup = new Cleanup();
  let master: AnsweringMaster;
  let scheduler: BridgeScheduler;
  let subscription: FakeSubscription;
  beforeEach(async () => {
    master = cleanup.use(await AnsweringMaster.start());
    const bridge = cleanup.use(await startBridge({ master: master.host }));
    scheduler = await cleanup.use(await BridgeScheduler.attach(bridge.address)).linked();
    subscription = await master.subscriptions.next();
    const { frameworkId } = scheduler;
    const offer = { id: { value: "o" }, frameworkId: { value: frameworkId }, agentId: { value: "a" }, hostname: "h" };
    subscription.send({ type: Event_Type.OFFERS, offers: { offers: [offer] } });
    await scheduler.offers();
    master.answerCalls(false);
  });
  afterEach(() => cleanup.run());

  const offerIds = [{ value: "o" }];
  const launch = () =>
    scheduler.call("launchTasks", { offerIds, tasks: [task({ value: "a" }, { command: { value: "true" } })] });

  /** Launches, and gives the answer to an ACCEPT that is answered so. */
  async function launchAnswered(status: number, body: string, headers: Record<string, string> = {}) {
    const answer = launch();
    (await master.call("ACCEPT")).connection.answer(status, body, headers);
    return answer;
  }

  async function activeTasks(): Promise<number | undefined> {
    const { response } = await scheduler.client.call("listFrameworks", {});
    return response?.frameworks[0]?.activeTasks;
  }

  test("400: it was not taken, so its offers stay open and its tasks are none", async () => {
    expect(await launchAnswered(400, "no")).toMatchObject({ code: "INVALID_ARGUMENT", reason: "CALL_REFUSED" });
    expect(await activeTasks()).toBe(0);
    expect(await launchAnswered(202, "")).toMatchObject({ code: "OK" });
    expect(await activeTasks()).toBe(1);
    expect(await launch()).toMatchObject({ reason: "OFFER_GONE" });
    const declined = scheduler.call("declineOffers", { offerIds });
    expect((await declined).response).toMatchObject({ gone: 1 });
  });

  test.each([500, 502, 504, 408])(
    "%i: nobody knows whether it was taken; the framework subscribes anew",
    async (status) => {
      expect(await launchAnswered(status, "a proxy's page")).toMatchObject({
        code: "UNAVAILABLE",
        reason: "OUTCOME_UNKNOWN",
        retryable: false,
      });
      master.answerCalls(true);
      const { reason } = await scheduler.linkChanged(LinkState.LINK_STATE_CONNECTING);
      expect(reason).toContain(`HTTP status ${status}`);
      await scheduler.linkChanged(LinkState.LINK_STATE_CONNECTED);
      // Mesos is asked what became of the task.
      const reconcile = (await master.call("RECONCILE")).call().reconcile;
      expect(reconcile?.tasks).toHaveLength(1);
    },
  );

  const page = "<html><head><title>Sign in</title></head><body></body></html>";
  const html = { "Content-Type": "text/html" };
  test.each([
    [200, page, html, "HTTP status 200 (text/html): Sign in"],
    [200, "", {}, "HTTP status 200"],
    [202, page, html, "HTTP status 202 (text/html): Sign in"],
    [202, "", html, "HTTP status 202 (text/html)"],
    [202, "{}", { "Content-Type": "application/json" }, "HTTP status 202 (application/json): {}"],
    [302, "", { Location: "https://login.example/" }, "HTTP status 302"],
    [307, "", { Location: "https://login.example/auth" }, "HTTP status 307"],
  ])("%i %s %j: it was not Mesos that answered, so nobody knows", async (status, body, headers, told) => {
    expect(await launchAnswered(status, body, headers)).toMatchObject({
      code: "UNAVAILABLE",
      reason: "OUTCOME_UNKNOWN",
      retryable: false,
      message: expect.stringContaining(`(a call was answered with ${told}): reconcile`),
    });
    master.answerCalls(true);
    expect((await scheduler.linkChanged(LinkState.LINK_STATE_CONNECTING)).reason).toContain(told);
    await scheduler.linkChanged(LinkState.LINK_STATE_CONNECTED);
  });

  test("200 to UPDATE_FRAMEWORK is how Mesos takes it, 200 with a page is not", async () => {
    const update = () =>
      scheduler.call("call", {
        call: {
          type: Call_Type.UPDATE_FRAMEWORK,
          updateFramework: { frameworkInfo: { user: "root", name: "n", id: { value: scheduler.frameworkId } } },
        },
      });
    for (const [body, code] of [
      ["", "OK"],
      [page, "UNAVAILABLE"],
    ] as const) {
      const answer = update();
      (await master.call("UPDATE_FRAMEWORK")).connection.answer(200, body);
      expect(await answer).toMatchObject({ code });
    }
  });

  test.each([
    [401, "Unauthorized"],
    [403, "Forbidden"],
    [403, "The request's authenticated principal contains claims, but no value string."],
    [400, "Authenticated principal 'a' does not match principal 'b' set in `FrameworkInfo`"],
  ])("%i %s: the bridge's own credentials are to blame, and not the call", async (status, text) => {
    const answer = scheduler.call("killTask", { taskId: { value: "t" }, header: { requestId: "one" } });
    (await master.call("KILL")).connection.answer(status, text);
    expect(await answer).toMatchObject({
      code: "UNAVAILABLE",
      reason: "MESOS_CREDENTIALS_REFUSED",
      retryable: true,
      message: expect.stringContaining(`${status}: ${text}`),
    });
    // Nothing was taken, so the same request is made when it comes again, and offers stay open.
    const again = scheduler.call("killTask", { taskId: { value: "t" }, header: { requestId: "one" } });
    (await master.call("KILL")).connection.answer(202);
    expect(await again).toMatchObject({ code: "OK" });
    expect(await launchAnswered(status, text)).toMatchObject({ reason: "MESOS_CREDENTIALS_REFUSED" });
    expect(await launchAnswered(202, "")).toMatchObject({ code: "OK" });
  });

  test("403 to UPDATE_FRAMEWORK: what Mesos does not authorize is the client's to mend", async () => {
    const text = "Not authorized to update roles { r } of framework";
    const answer = scheduler.call("call", {
      call: {
        type: Call_Type.UPDATE_FRAMEWORK,
        updateFramework: { frameworkInfo: { user: "root", name: "n", id: { value: scheduler.frameworkId } } },
      },
    });
    (await master.call("UPDATE_FRAMEWORK")).connection.answer(403, text);
    expect(await answer).toMatchObject({ code: "INVALID_ARGUMENT", reason: "CALL_REFUSED" });
  });

  test.each([
    [403, "Not authorized to access this resource"],
    [407, "Proxy Authentication Required"],
  ])("%i %s to another call: Mesos says no such thing, so the credentials are to blame", async (status, text) => {
    expect(await launchAnswered(status, text)).toMatchObject({
      code: "UNAVAILABLE",
      reason: "MESOS_CREDENTIALS_REFUSED",
      retryable: true,
      message: expect.stringContaining(text),
    });
    expect(await launchAnswered(202, "")).toMatchObject({ code: "OK" });
  });

  const denied = "<html><head><title>Access denied</title></head><body>by order</body></html>";
  test.each([
    [401, "MESOS_CREDENTIALS_REFUSED", "if that checks the bridge's credentials"],
    [403, "MESOS_CREDENTIALS_REFUSED", "let the bridge's calls through; then repeat the call"],
    [407, "MESOS_CREDENTIALS_REFUSED", "point --master past that proxy"],
    [404, "CALL_REFUSED", "let the bridge's calls through"],
    [503, "NO_MASTER", "where --master leads; then repeat the call"],
  ])("%i with a page: the message says whose it is, and what to do", async (status, reason, advice) => {
    const { message = "", ...answer } = await launchAnswered(status, denied, html);
    expect(answer).toMatchObject({ reason });
    expect(message).toContain(
      `something between the bridge and Mesos (a proxy, a firewall, a login page) answered in its place ` +
        `(HTTP status ${status} (text/html): Access denied): `,
    );
    expect(message).toContain(advice);
    if (status !== 401) expect(message).not.toContain("--secret-file");
    if (status !== 503) return;
    const lost = await scheduler.linkChanged(LinkState.LINK_STATE_CONNECTING);
    expect(lost.reason).toMatch(
      /^something between the bridge and Mesos refuses calls: HTTP status 503 \(text\/html\)/,
    );
  });

  test("503 of a master that does not lead or recovers: it is not ready", async () => {
    expect(await launchAnswered(503, "No leader elected")).toMatchObject({
      code: "UNAVAILABLE",
      reason: "NO_MASTER",
      retryable: true,
      message: "the master did not take the call, because it is not ready: No leader elected",
    });
  });

  test("307 of a master that does not lead: it took nothing", async () => {
    expect(await launchAnswered(307, "", { Location: `//${master.host}/api/v1/scheduler` })).toMatchObject({
      code: "UNAVAILABLE",
      reason: "NO_MASTER",
      retryable: true,
    });
  });

  test.each([
    [403, "Framework is not subscribed"],
    [400, "Framework cannot be found"],
  ])("%i %s: the subscription is over though its stream still stands, and another is made", async (status, text) => {
    const revive = scheduler.call("reviveOffers");
    (await master.call("REVIVE")).connection.answer(status, text);
    expect(await revive).toMatchObject({ code: "UNAVAILABLE", reason: "NO_MASTER", retryable: true });
    master.answerCalls(true);
    await scheduler.linkChanged(LinkState.LINK_STATE_CONNECTING, { timeoutMs: 2_000 });
    await scheduler.linkChanged(LinkState.LINK_STATE_CONNECTED);
    await scheduler.ok("reviveOffers");
  });

  test("for its stream id: somebody else has subscribed, and the bridge does not take the framework back", async () => {
    const text =
      "The stream ID 'x' included in this request didn't match the stream ID currently associated with framework ID y";
    const revive = scheduler.call("reviveOffers");
    (await master.call("REVIVE")).connection.answer(400, text);
    expect(await revive).toMatchObject({ code: "FAILED_PRECONDITION", reason: "FRAMEWORK_FAILED_OVER" });
    expect(await scheduler.stream.ending()).toMatchObject({
      code: "FAILED_PRECONDITION",
      reason: "FRAMEWORK_FAILED_OVER",
      retryable: false,
    });
    await eventually(() => master.fake.openConnections === 0, { what: "the end of the link" });
    expect(master.subscriptions.waiting).toBe(0);
  });
});
