import { randomUUID } from "node:crypto";
import { beforeAll, describe, expect, test } from "vitest";
import { FrameworkInfo_Capability_Type, Offer_Operation_Type } from "../../../gen/mesos/v1/mesos.js";
import { Call_Type, Event_Type } from "../../../gen/mesos/v1/scheduler/scheduler.js";
import {
  ListFrameworksResponse,
  ListOffersResponse,
  ListTasksResponse,
  WatchEventsResponse,
  WatchOffersResponse,
} from "../../../gen/mesosbridge/v1/observer.js";
import {
  AcceptOffersRequest,
  AcknowledgeRequest,
  CallRequest,
  CallsRequest,
  CallsResponse,
  ExpiryPolicy,
  LaunchTasksRequest,
  ReviveOffersRequest,
  SubscribeRequest,
  SubscribeResponse,
} from "../../../gen/mesosbridge/v1/scheduler.js";
import { stringField } from "../../../wire/proto.js";
import { cleanupAfterAll } from "../../support/cleanup.js";
import { eventually } from "../../support/eventually.js";
import { PermittedBridge, type PermittedStream } from "../../support/permittedBridge.js";

const SCHEDULER = "/mesosbridge.v1.SchedulerService";
const OBSERVER = "/mesosbridge.v1.ObserverService";
const NOTHING = Buffer.alloc(0);

const TEAM_A = `
[[rule]]
identities = ["unix:*/a"]
allow = ["attach", "call", "observe"]
frameworks = ["a-*"]
roles = ['\\*', "team-a", "team-a/*"]
users = ["svc-a"]
`;
const TEAM_B = `
[[rule]]
identities = ["unix:*/b"]
allow = ["attach", "call", "observe"]
frameworks = ["b-*", "a-shared"]
roles = ['\\*']
users = ["svc-b"]
`;
const ADMIN = `
[[rule]]
identities = ["unix:*/admin"]
allow = ["attach", "call", "observe", "import"]
frameworks = ["*"]
roles = ["*"]
users = ["*"]
`;
const ATTACH_ONLY = `
[[rule]]
identities = ["unix:*/attacher"]
allow = ["attach"]
frameworks = ["a-*"]
roles = ["*"]
users = ["*"]
`;
const ALL = TEAM_A + TEAM_B + ADMIN + ATTACH_ONLY;
const CALLERS = ["a", "b", "admin", "attacher"];

const { MULTI_ROLE } = FrameworkInfo_Capability_Type;
type Info = NonNullable<Parameters<typeof SubscribeRequest.fromPartial>[0]["frameworkInfo"]>;
const svcA: Info = { user: "svc-a" };

const cleanup = cleanupAfterAll();

function subscribe(
  bridge: PermittedBridge,
  identity: string,
  frameworkName: string,
  frameworkInfo: Info | undefined,
  more: Parameters<typeof SubscribeRequest.fromPartial>[0] = {},
): PermittedStream {
  const request = SubscribeRequest.fromPartial({ frameworkName, ...(frameworkInfo && { frameworkInfo }), ...more });
  return bridge.stream(identity, `${SCHEDULER}/Subscribe`, SubscribeRequest.encode(request).finish());
}

/** Attaches, and gives what calls need. */
async function attached(bridge: PermittedBridge, identity: string, frameworkName: string, info: Info) {
  const stream = subscribe(bridge, identity, frameworkName, info);
  const [first] = SubscribeResponse.decode(await stream.messages.next({ what: "Opened" })).events;
  const opened = first?.event?.$case === "opened" ? first.event.value : undefined;
  const { attachmentId = "", frameworkId } = opened ?? {};
  const subscription = await bridge.master.subscriptions.next({ what: "a subscription" });
  const header = { frameworkName, attachmentId };
  return { stream, header, subscription, frameworkId: frameworkId?.value ?? "" };
}

const offerOf = (id: string, frameworkId: string) => ({
  id: { value: id },
  frameworkId: { value: frameworkId },
  agentId: { value: "agent" },
  hostname: "host",
});

describe("an attachment", () => {
  let bridge: PermittedBridge;
  beforeAll(async () => {
    bridge = await PermittedBridge.start(cleanup, CALLERS, ALL);
  });

  test.each<[string, Info, Record<string, string>]>([
    ["a user that is not its own", { user: "root" }, { user: "root" }],
    ["a role of others, in the older field", { ...svcA, role: "team-b" }, { role: "team-b" }],
    [
      "a role of others among its own",
      { ...svcA, roles: ["team-a", "team-b"], capabilities: [{ type: MULTI_ROLE }] },
      { role: "team-b" },
    ],
    ["a principal", { ...svcA, principal: "boss" }, { principal: "boss" }],
  ])("is refused %s, and Mesos hears nothing of it", async (_what, info, names) => {
    const ended = await subscribe(bridge, "a", "a-refused", info).firstOrEnd();
    expect(ended).toMatchObject({ code: "PERMISSION_DENIED", reason: "PERMISSION_DENIED" });
    expect(ended.metadata).toEqual({ framework_name: "a-refused", ...names });
    expect(bridge.sessions.find("a-refused")).toBeUndefined();
    expect(bridge.master.subscriptions.waiting).toBe(0);
  });

  test("is given its own roles", async () => {
    const info = { ...svcA, roles: ["team-a", "team-a/x"], capabilities: [{ type: MULTI_ROLE }] };
    const { stream } = await attached(bridge, "a", "a-roles", info);
    stream.cancel();
  });

  test("may not import a framework id without permission for that", async () => {
    const info = { ...svcA, id: { value: "foreign" } };
    const ended = await subscribe(bridge, "a", "a-import", info).firstOrEnd();
    expect(ended).toMatchObject({
      code: "PERMISSION_DENIED",
      metadata: { verb: "import", framework_name: "a-import" },
    });
    const { stream } = await attached(bridge, "admin", "a-import", info);
    stream.cancel();
  });

  test("learns of no id that another framework has", async () => {
    const first = await attached(bridge, "admin", "x-1", { user: "root", id: { value: "held" } });
    const ended = await subscribe(bridge, "a", "a-held", { ...svcA, id: { value: "held" } }).firstOrEnd();
    expect(ended).toMatchObject({ code: "PERMISSION_DENIED", metadata: { verb: "import" } });
    first.stream.cancel();
  });

  test("is checked against what is stored when it brings nothing itself", async () => {
    const first = await attached(bridge, "a", "a-shared", svcA);
    const ended = await subscribe(bridge, "b", "a-shared", undefined).firstOrEnd();
    expect(ended).toMatchObject({ code: "PERMISSION_DENIED", metadata: { user: "svc-a" } });
    // The one that is attached stays.
    expect(first.stream.ended.all).toEqual([]);
    first.stream.cancel();
  });

  test("is refused another user than Mesos runs the tasks as, whatever it may do itself", async () => {
    const first = await attached(bridge, "admin", "a-user", { user: "root" });
    for (const identity of ["a", "admin"]) {
      const ended = await subscribe(bridge, identity, "a-user", svcA).firstOrEnd();
      expect(ended).toMatchObject({ code: "INVALID_ARGUMENT", reason: "INVALID_FIELD" });
      expect(ended.message).toMatch(/^framework_info\.user must be "root"/);
    }
    expect(await subscribe(bridge, "a", "a-user", undefined).firstOrEnd()).toMatchObject({
      code: "PERMISSION_DENIED",
      metadata: { user: "root" },
    });
    expect(first.stream.ended.all).toEqual([]);
    first.stream.cancel();
    const again = subscribe(bridge, "admin", "a-user", { user: "root", hostname: "another" });
    expect(await again.firstOrEnd()).toMatchObject({ code: "OK" });
    await bridge.master.subscriptions.next({ what: "the change" });
  });

  test("may correct the user of a framework that Mesos never took", async () => {
    bridge.master.refuseSubscriptions("User 'root' is not allowed");
    const refused = subscribe(bridge, "admin", "a-corrected", { user: "root" });
    expect(await refused.ended.next({ what: "the end" })).toMatchObject({ reason: "FRAMEWORK_REFUSED" });
    bridge.master.refuseSubscriptions(undefined);
    const { stream } = await attached(bridge, "a", "a-corrected", svcA);
    stream.cancel();
  });

  test("may not let the lease tear the framework down without permission to call", async () => {
    const expiryPolicy = ExpiryPolicy.EXPIRY_POLICY_TEARDOWN;
    const ended = await subscribe(bridge, "attacher", "a-lease", svcA, { expiryPolicy }).firstOrEnd();
    expect(ended).toMatchObject({ code: "PERMISSION_DENIED", metadata: { verb: "call" } });
  });
});

describe("a call", () => {
  let bridge: PermittedBridge;
  let header: { frameworkName: string; attachmentId: string };
  let frameworkId: string;

  beforeAll(async () => {
    bridge = await PermittedBridge.start(cleanup, CALLERS, ALL);
    const framework = await attached(bridge, "a", "a-1", svcA);
    ({ header, frameworkId } = framework);
    framework.subscription.send({
      type: Event_Type.OFFERS,
      offers: { offers: [offerOf("o1", frameworkId), offerOf("o2", frameworkId)] },
    });
    await eventually(() => bridge.sessions.find("a-1")?.state.offers.size === 2);
  });

  const cpus = { name: "cpus", type: 0, scalar: { value: 1 } };
  const resources = [
    cpus,
    { ...cpus, name: "mem", scalar: { value: 32 } },
    { ...cpus, name: "disk", scalar: { value: 32 } },
  ];
  const ids = { name: "t", taskId: { value: "t" }, agentId: { value: "agent" }, resources };
  const asRoot = { ...ids, command: { value: "x", user: "root" } };
  const offerIds = [{ value: "o1" }];
  const accept = (operations: object[]) =>
    CallRequest.encode(
      CallRequest.fromPartial({ header, call: { type: Call_Type.ACCEPT, accept: { offerIds, operations } } }),
    ).finish();
  const launchGroup = (executorUser: string) => ({
    type: Offer_Operation_Type.LAUNCH_GROUP,
    launchGroup: {
      executor: {
        type: 2,
        executorId: { value: "e" },
        frameworkId: { value: frameworkId },
        resources,
        command: { value: "e", user: executorUser },
      },
      taskGroup: { tasks: [{ ...ids, command: { value: "x" } }] },
    },
  });
  const reserve = (resource: object) => ({
    type: Offer_Operation_Type.RESERVE,
    reserve: { resources: [{ ...cpus, ...resource }] },
  });

  const update = (info: Info) =>
    CallRequest.encode(
      CallRequest.fromPartial({
        header,
        call: {
          type: Call_Type.UPDATE_FRAMEWORK,
          updateFramework: { frameworkInfo: { name: "a-1", id: { value: frameworkId }, ...info } },
        },
      }),
    ).finish();

  test.each<[string, string, () => Uint8Array, Record<string, string>]>([
    [
      "LaunchTasks as root",
      "LaunchTasks",
      () => LaunchTasksRequest.encode(LaunchTasksRequest.fromPartial({ header, offerIds, tasks: [asRoot] })).finish(),
      { user: "root" },
    ],
    [
      "AcceptOffers with an executor as root",
      "AcceptOffers",
      () =>
        AcceptOffersRequest.encode(
          AcceptOffersRequest.fromPartial({ header, offerIds, operations: [launchGroup("root")] }),
        ).finish(),
      { user: "root" },
    ],
    [
      "ACCEPT with LAUNCH as root",
      "Call",
      () => accept([{ type: Offer_Operation_Type.LAUNCH, launch: { taskInfos: [asRoot] } }]),
      { user: "root" },
    ],
    ["ACCEPT with LAUNCH_GROUP as root", "Call", () => accept([launchGroup("root")]), { user: "root" }],
    [
      "RESERVE for others, older format",
      "Call",
      () => accept([reserve({ role: "team-b", reservation: {} })]),
      { role: "team-b" },
    ],
    [
      "RESERVE for others, newer format",
      "Call",
      () => accept([reserve({ reservations: [{ type: 2, role: "team-b" }] })]),
      { role: "team-b" },
    ],
    [
      "CREATE on what others reserved",
      "Call",
      () =>
        accept([
          {
            type: Offer_Operation_Type.CREATE,
            create: {
              volumes: [{ ...cpus, reservations: [{ type: 2, role: "team-b" }], disk: { persistence: { id: "v" } } }],
            },
          },
        ]),
      { role: "team-b" },
    ],
    [
      "REVIVE for a role of others",
      "ReviveOffers",
      () => ReviveOffersRequest.encode(ReviveOffersRequest.fromPartial({ header, roles: ["team-b"] })).finish(),
      { role: "team-b" },
    ],
    ["UPDATE_FRAMEWORK to a role of others", "Call", () => update({ ...svcA, role: "team-b" }), { role: "team-b" }],
    ["UPDATE_FRAMEWORK to another user", "Call", () => update({ user: "root" }), { user: "root" }],
    ["UPDATE_FRAMEWORK to a principal", "Call", () => update({ ...svcA, principal: "boss" }), { principal: "boss" }],
  ])("is refused, and not sent: %s", async (_what, method, request, names) => {
    const ended = await bridge.call("a", `${SCHEDULER}/${method}`, request());
    expect(ended, ended.message).toMatchObject({ code: "PERMISSION_DENIED", metadata: names });
    expect(bridge.master.calls.waiting).toBe(0);
    expect(bridge.sessions.find("a-1")?.state.offers.size).toBe(2);
  });

  test("is refused on a Calls stream too, which continues", async () => {
    const stream = bridge.stream(
      "a",
      `${SCHEDULER}/Calls`,
      CallsRequest.encode(
        CallsRequest.fromPartial({
          header,
          call: { type: Call_Type.ACCEPT, accept: { offerIds, operations: [launchGroup("root")] } },
          tag: 1n,
        }),
      ).finish(),
      true,
    );
    stream.send(
      CallsRequest.encode(
        CallsRequest.fromPartial({
          header: { ...header, frameworkName: "b-1" },
          call: { type: Call_Type.REVIVE },
          tag: 2n,
        }),
      ).finish(),
    );
    stream.send(
      CallsRequest.encode(CallsRequest.fromPartial({ header, call: { type: Call_Type.REVIVE }, tag: 3n })).finish(),
    );
    const results: { tag: bigint; code: number; reason: string }[] = [];
    while (results.length < 3) {
      const { results: some } = CallsResponse.decode(await stream.messages.next({ what: "results" }));
      results.push(...some.map(({ tag, code, reason }) => ({ tag, code, reason })));
    }
    const denied = { code: 7, reason: "PERMISSION_DENIED" };
    expect(results).toEqual([
      { tag: 1n, ...denied },
      { tag: 2n, ...denied },
      { tag: 3n, code: 0, reason: "" },
    ]);
    await bridge.master.call("REVIVE");
    stream.cancel();
  });

  test("fails as ever with permission and a wrong attachment id", async () => {
    const request = ReviveOffersRequest.fromPartial({ header: { ...header, attachmentId: "none" } });
    const ended = await bridge.call("a", `${SCHEDULER}/ReviveOffers`, ReviveOffersRequest.encode(request).finish());
    expect(ended).toMatchObject({ code: "FAILED_PRECONDITION", reason: "NOT_ATTACHED" });
  });

  test("launches as the framework's user, and as one that is allowed", async () => {
    const tasks = [
      { ...ids, command: { value: "x" } },
      { ...ids, taskId: { value: "t2" }, command: { value: "x", user: "svc-a" } },
    ];
    const request = LaunchTasksRequest.fromPartial({ header, offerIds: [{ value: "o2" }], tasks });
    const ended = await bridge.call("a", `${SCHEDULER}/LaunchTasks`, LaunchTasksRequest.encode(request).finish());
    expect(ended).toMatchObject({ code: "OK" });
    await bridge.master.call("ACCEPT");
  });

  test("acknowledges under the caller's own framework id, whatever framework a token comes from", async () => {
    const other = await attached(bridge, "b", "b-1", { user: "svc-b" });
    const status = {
      taskId: { value: "theirs" },
      agentId: { value: "agent" },
      state: 1,
      uuid: Buffer.from(randomUUID().replaceAll("-", ""), "hex"),
    };
    other.subscription.send({ type: Event_Type.UPDATE, update: { status } });
    let token = "";
    while (token === "") {
      const { events } = SubscribeResponse.decode(await other.stream.messages.next({ what: "the update" }));
      token = events.find(({ ackToken }) => ackToken !== "")?.ackToken ?? "";
    }
    const request = AcknowledgeRequest.encode(AcknowledgeRequest.fromPartial({ header, ackTokens: [token] })).finish();
    await bridge.call("a", `${SCHEDULER}/Acknowledge`, request);
    const sent = (await bridge.master.call("ACKNOWLEDGE")).call();
    expect(sent.acknowledge?.taskId?.value).toBe("theirs");
    expect(sent.frameworkId?.value).toBe(frameworkId);
    expect(sent.frameworkId?.value).not.toBe(other.frameworkId);
    // The framework whose update it is still waits for its own acknowledgement.
    expect(bridge.sessions.find("b-1")?.state.unacknowledged.size).toBe(1);
    other.stream.cancel();
  });
});

describe("a launch that leaves the role of its resources out", () => {
  const offerIn = (id: string, frameworkId: string, role: string) => ({
    ...offerOf(id, frameworkId),
    allocationInfo: { role },
  });
  const task = {
    name: "t",
    taskId: { value: "t" },
    agentId: { value: "agent" },
    resources: [{ name: "cpus", type: 0, scalar: { value: 1 } }],
    command: { value: "x" },
  };
  const launch = (header: object, ...ids: string[]) =>
    LaunchTasksRequest.encode(
      LaunchTasksRequest.fromPartial({ header, offerIds: ids.map((value) => ({ value })), tasks: [task] }),
    ).finish();

  test("needs permission for the roles of its offers", async () => {
    const bridge = await PermittedBridge.start(cleanup, CALLERS, ALL);
    const info = { ...svcA, roles: ["team-a", "team-b"], capabilities: [{ type: MULTI_ROLE }] };
    const { header, frameworkId, subscription, stream } = await attached(bridge, "admin", "a-roles", info);
    const offers = [offerIn("own", frameworkId, "team-a"), offerIn("foreign", frameworkId, "team-b")];
    subscription.send({ type: Event_Type.OFFERS, offers: { offers } });
    await eventually(() => bridge.sessions.find("a-roles")?.state.offers.size === 2);
    for (const ids of [["foreign"], ["own", "foreign"]]) {
      const refused = await bridge.call("a", `${SCHEDULER}/LaunchTasks`, launch(header, ...ids));
      expect(refused).toMatchObject({ code: "PERMISSION_DENIED", metadata: { role: "team-b" } });
    }
    expect(bridge.sessions.find("a-roles")?.state.offers.size).toBe(2);
    expect(await bridge.call("a", `${SCHEDULER}/LaunchTasks`, launch(header, "own"))).toMatchObject({ code: "OK" });
    await bridge.master.call("ACCEPT");
    stream.cancel();
  });

  test("needs permission for the framework's role, if Mesos says none with the offer", async () => {
    const bridge = await PermittedBridge.start(cleanup, CALLERS, ALL);
    const info = { ...svcA, role: "team-b" };
    const { header, frameworkId, subscription, stream } = await attached(bridge, "admin", "a-role", info);
    subscription.send({ type: Event_Type.OFFERS, offers: { offers: [offerOf("foreign", frameworkId)] } });
    await eventually(() => bridge.sessions.find("a-role")?.state.offers.size === 1);
    const refused = await bridge.call("a", `${SCHEDULER}/LaunchTasks`, launch(header, "foreign"));
    expect(refused).toMatchObject({ code: "PERMISSION_DENIED", metadata: { role: "team-b" } });
    stream.cancel();
  });
});

describe("an observer", () => {
  let bridge: PermittedBridge;
  const subscriptions = new Map<string, Awaited<ReturnType<typeof attached>>>();

  beforeAll(async () => {
    bridge = await PermittedBridge.start(cleanup, CALLERS, ALL);
    for (const name of ["a-1", "b-1", "c-1"]) {
      const framework = await attached(bridge, "admin", name, { user: "root" });
      subscriptions.set(name, framework);
      const offers = [offerOf(`offer of ${name}`, framework.frameworkId)];
      framework.subscription.send({ type: Event_Type.OFFERS, offers: { offers } });
      const status = {
        taskId: { value: `task of ${name}` },
        agentId: { value: "agent" },
        state: 1,
        uuid: Buffer.alloc(16, 1),
      };
      framework.subscription.send({ type: Event_Type.UPDATE, update: { status } });
      await eventually(() => (bridge.sessions.find(name)?.state.tasks.size ?? 0) > 0);
    }
  });

  test("sees only its frameworks in lists, on all pages", async () => {
    const list = async (method: string) =>
      (await bridge.call("a", `${OBSERVER}/${method}`, NOTHING)).response ?? NOTHING;
    const frameworks = ListFrameworksResponse.decode(await list("ListFrameworks"));
    expect(frameworks.frameworks.map(({ frameworkName }) => frameworkName)).toEqual(["a-1"]);
    expect(frameworks.nextPageToken).toBe("");
    expect(
      ListOffersResponse.decode(await list("ListOffers")).offers.map(({ frameworkName }) => frameworkName),
    ).toEqual(["a-1"]);
    expect(ListTasksResponse.decode(await list("ListTasks")).tasks.map(({ frameworkName }) => frameworkName)).toEqual([
      "a-1",
    ]);
  });

  test("sees only its frameworks in snapshots and in what follows", async () => {
    const offers = bridge.stream("a", `${OBSERVER}/WatchOffers`, NOTHING);
    const events = bridge.stream("a", `${OBSERVER}/WatchEvents`, NOTHING);
    const snapshot = WatchOffersResponse.decode(await offers.messages.next({ what: "the snapshot" }));
    expect(snapshot.frameworkName).toBe("a-1");
    const end = WatchOffersResponse.decode(await offers.messages.next({ what: "its end" }));
    expect(end.progress?.snapshotEnd).toBe(true);
    await events.messages.next({ what: "the snapshot's end" });
    for (const name of ["b-1", "c-1", "a-1"]) {
      const framework = subscriptions.get(name);
      framework?.subscription.send({ type: Event_Type.RESCIND, rescind: { offerId: { value: `offer of ${name}` } } });
    }
    const rescinded = WatchOffersResponse.decode(await offers.messages.next({ what: "a rescind" }));
    expect([rescinded.frameworkName, rescinded.offerIds[0]?.value]).toEqual(["a-1", "offer of a-1"]);
    const event = WatchEventsResponse.decode(await events.messages.next({ what: "the event" }));
    expect(event.frameworkName).toBe("a-1");
    expect(events.messages.waiting + offers.messages.waiting).toBe(0);
    events.cancel();
    offers.cancel();
  });
});

test.each([
  ["reflection", "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo"],
  ["channelz", "/grpc.channelz.v1.Channelz/GetServers"],
])("a refused call of %s is in the audit log, like any other", async (service, path) => {
  const recorded: object[] = [];
  const audit = { kept: true, record: (event: object) => recorded.push(event), count: () => {} };
  const bridge = await PermittedBridge.start(cleanup, ["a"], ALL, { audit });
  const stream = bridge.stream("a", path, NOTHING);
  expect(await stream.ended.next({ what: "the refusal" })).toMatchObject({ code: "PERMISSION_DENIED" });
  expect(recorded).toEqual([
    {
      event: "refusal",
      identity: `unix:${bridge.dir}/a`,
      reason: "PERMISSION_DENIED",
      message: expect.stringContaining(`has no permission to use ${service}`),
    },
  ]);
});

describe("a permission that is withdrawn", () => {
  const WITHIN = { timeoutMs: 10_000, what: "the end" };

  test("ends the stream in the two seconds that are promised", async () => {
    const bridge = await PermittedBridge.start(cleanup, CALLERS, ALL);
    const { stream } = await attached(bridge, "a", "a-1", svcA);
    await bridge.permit(TEAM_B);
    // Two looks at the file, a quarter of a second apart. A machine that is busy with other tests gets some more.
    const ended = await stream.ended.next({ what: "the end, two seconds after the permission", timeoutMs: 5_000 });
    expect(ended).toMatchObject({ code: "PERMISSION_DENIED" });
  });

  test("ends the streams that need it, and no others", async () => {
    const bridge = await PermittedBridge.start(cleanup, CALLERS, ALL);
    const mine = await attached(bridge, "a", "a-1", svcA);
    const theirs = await attached(bridge, "b", "b-1", { user: "svc-b" });
    const calls = bridge.stream(
      "a",
      `${SCHEDULER}/Calls`,
      CallsRequest.encode(CallsRequest.fromPartial({ header: mine.header, call: { type: Call_Type.REVIVE } })).finish(),
      true,
    );
    await calls.messages.next({ what: "an answer" });
    const watch = bridge.stream("a", `${OBSERVER}/WatchOffers`, stringField(1, "a-1"));
    const watchAll = bridge.stream("a", `${OBSERVER}/WatchOffers`, NOTHING);
    for (const stream of [watch, watchAll]) await stream.messages.next({ what: "the snapshot's end" });
    await bridge.permit(TEAM_B + ADMIN);
    for (const stream of [mine.stream, calls, watch, watchAll]) {
      const ended = await stream.ended.next(WITHIN);
      expect(ended).toMatchObject({ code: "PERMISSION_DENIED", reason: "PERMISSION_DENIED" });
      expect(ended.message).toMatch(/^the permissions have changed: /);
    }
    expect(theirs.stream.ended.all).toEqual([]);
    theirs.stream.cancel();
  });

  test("to call ends an attachment that would have its framework torn down, and no other", async () => {
    const bridge = await PermittedBridge.start(cleanup, CALLERS, ALL);
    const expiryPolicy = ExpiryPolicy.EXPIRY_POLICY_TEARDOWN;
    const teardown = subscribe(bridge, "a", "a-1", svcA, { expiryPolicy });
    const keep = subscribe(bridge, "a", "a-2", svcA);
    for (const stream of [teardown, keep]) await stream.messages.next({ what: "Opened" });
    await bridge.permit(ALL.replace('"attach", "call", "observe"', '"attach", "observe"'));
    expect(await teardown.ended.next(WITHIN)).toMatchObject({ code: "PERMISSION_DENIED", metadata: { verb: "call" } });
    expect(keep.ended.all).toEqual([]);
    keep.cancel();
  });

  test.concurrent.each([
    ["away already", true, "call"],
    ["away already, and may call but not attach", true, "attach"],
    ["there until its stream ends by that", false, "call"],
  ])("has no framework torn down later by the lease of a client that is %s", async (_, isAway, verb) => {
    const bridge = await PermittedBridge.start(cleanup, CALLERS, ALL);
    const expiryPolicy = ExpiryPolicy.EXPIRY_POLICY_TEARDOWN;
    const stream = subscribe(bridge, "a", "a-1", svcA, { expiryPolicy, lease: { seconds: 4n, nanos: 0 } });
    await stream.messages.next({ what: "Opened" });
    await bridge.master.subscriptions.next({ what: "the subscription" });
    if (isAway) stream.cancel();
    await bridge.permit(ALL.replace(`"${verb}", `, ""));
    const gone = () => bridge.sessions.find("a-1") === undefined;
    await eventually(gone, { what: "the end of the lease", timeoutMs: 20_000 });
    expect(bridge.master.calls.all.filter(({ call }) => call().type === Call_Type.TEARDOWN)).toEqual([]);
    expect([...bridge.sessions.frameworksAfter(undefined)].map(({ record }) => record.frameworkName)).toEqual(["a-1"]);
    expect(bridge.logged.map(({ message }) => message)).toContain(
      "the framework is not torn down: the permission of the client that asked for it is withdrawn",
    );
  });

  test("for reflection ends its streams", async () => {
    const allowed = ALL.replace('"attach", "call", "observe"', '"attach", "call", "observe", "reflection"');
    const bridge = await PermittedBridge.start(cleanup, CALLERS, allowed);
    const listServices = stringField(7, "*");
    const streams = ["v1", "v1alpha"].map((version) =>
      bridge.stream("a", `/grpc.reflection.${version}.ServerReflection/ServerReflectionInfo`, listServices, true),
    );
    for (const stream of streams) await stream.messages.next({ what: "an answer" });
    await bridge.permit(ALL);
    for (const stream of streams) {
      expect(await stream.ended.next(WITHIN)).toMatchObject({ code: "PERMISSION_DENIED", reason: "PERMISSION_DENIED" });
    }
  });

  test("on a role or a user ends the attachment that uses it", async () => {
    const bridge = await PermittedBridge.start(cleanup, CALLERS, ALL);
    const { stream } = await attached(bridge, "a", "a-1", svcA);
    await bridge.permit(ALL.replace("svc-a", "svc-a2"));
    expect((await stream.ended.next(WITHIN)).metadata).toEqual({ framework_name: "a-1", user: "svc-a" });
  });

  test("takes frameworks out of a stream that watches all", async () => {
    const bridge = await PermittedBridge.start(cleanup, CALLERS, ALL);
    const [one, two] = [await attached(bridge, "admin", "a-1", svcA), await attached(bridge, "admin", "a-2", svcA)];
    const watch = bridge.stream("a", `${OBSERVER}/WatchEvents`, NOTHING);
    await watch.messages.next({ what: "the snapshot's end" });
    await bridge.permit(ALL.replace('frameworks = ["a-*"]', 'frameworks = ["a-2"]'));
    const list = async () => {
      const { response } = await bridge.call("a", `${OBSERVER}/ListFrameworks`, NOTHING);
      return ListFrameworksResponse.decode(response ?? NOTHING).frameworks.length === 1;
    };
    await eventually(list, { what: "the rules' effect" });
    for (const { subscription } of [one, two]) {
      subscription.send({ type: Event_Type.RESCIND, rescind: { offerId: { value: "o" } } });
    }
    const shown = WatchEventsResponse.decode(await watch.messages.next({ what: "an event" }));
    expect(shown.frameworkName).toBe("a-2");
    watch.cancel();
    for (const { stream } of [one, two]) stream.cancel();
  });

  test.each([
    ["is empty", ""],
    ["holds comments alone", "# the rules of all teams\n"],
  ])("stays as long as the file %s, as one that is cut off and written anew", async (_, text) => {
    const bridge = await PermittedBridge.start(cleanup, CALLERS, ALL);
    const { stream } = await attached(bridge, "a", "a-1", svcA);
    await bridge.permit(text);
    const line = await eventually(() => bridge.logged.find(({ message }) => message.includes("the permissions file")));
    expect(JSON.stringify(line.fields)).toContain("holds no rule: write at least one [[rule]]");
    expect(stream.ended.all).toEqual([]);
    await bridge.permit("rule = []");
    expect(await stream.ended.next(WITHIN)).toMatchObject({ code: "PERMISSION_DENIED" });
  });

  test("stays as long as the file is broken, which the log says", async () => {
    const bridge = await PermittedBridge.start(cleanup, CALLERS, ALL);
    const { stream } = await attached(bridge, "a", "a-1", svcA);
    await bridge.permit(TEAM_B.replace("users", "user"));
    const line = await eventually(() => bridge.logged.find(({ message }) => message.includes("the permissions file")));
    expect(JSON.stringify(line.fields)).toMatch(/line \d+: rule 1: user is not known: did you mean 'users'\?/);
    expect(stream.ended.all).toEqual([]);
    await bridge.permit(TEAM_B);
    expect(await stream.ended.next(WITHIN)).toMatchObject({ code: "PERMISSION_DENIED" });
  });
});
