import { afterEach, beforeAll, describe, expect, test } from "vitest";
import type { Offer } from "../../gen/mesos/v1/mesos.js";
import {
  Call,
  Call_Subscribe,
  Call_Type,
  Event,
  type Event as EventType,
} from "../../gen/mesos/v1/scheduler/scheduler.js";
import { lengthDelimited, stringField, varintField } from "../../wire/proto.js";
import { cleanupAfterAll } from "../support/cleanup.js";
import type { MesosCluster } from "../support/cluster.js";
import { type MessageClass, protobuf } from "../support/codec.js";
import { EventStream } from "../support/eventStream.js";
import { eventually } from "../support/eventually.js";
import { getJson, open, type RawAnswer, send } from "../support/http.js";
import { realMesosMissing, startRealMesos } from "../support/realMesos.js";
import {
  type Answer,
  refusedCalls,
  refusedSubscriptions,
  stricterCalls,
  subscribe,
  takenCalls,
  takenSubscriptions,
} from "../unit/validation/examples.js";

const HEADERS = { "Content-Type": protobuf.mediaType, Accept: protobuf.mediaType };
const FLAGS = { allocation_interval: "50ms" };
/** How long nothing has to come of a call, for "nothing" to come of it. */
const SILENCE_MS = 400;

const missing = realMesosMissing();
const wanted = missing === undefined || process.env.CI === "true";

/** A framework id in a `Call` and in a `FrameworkInfo`. */
const frameworkId = (id: string) => lengthDelimited(1, stringField(1, id));

const idOf = (body: Uint8Array) => Call_Subscribe.decode(body).frameworkInfo?.id?.value;

/** Sends SUBSCRIBE as bytes. The call's framework id has to be that of the framework. */
function openSubscription(master: string, body: Uint8Array) {
  const id = idOf(body);
  const call = [varintField(2, 1), lengthDelimited(3, body), ...(id === undefined ? [] : [frameworkId(id)])];
  return open(`${master}/api/v1/scheduler`, { headers: HEADERS, body: Buffer.concat(call) });
}

/** A framework that sends calls as bytes. */
class RawFramework {
  readonly stream: EventStream<EventType>;
  readonly #master: string;
  readonly #streamId: string;
  #id = "";

  private constructor(master: string, stream: EventStream<EventType>) {
    this.#master = master;
    this.stream = stream;
    this.#streamId = String(stream.headers["mesos-stream-id"]);
  }

  static async subscribe(master: string): Promise<RawFramework> {
    const answer = await openSubscription(master, subscribe({ capabilities: [{ type: 5 }] }));
    const framework = new RawFramework(master, new EventStream(answer, protobuf, Event as MessageClass<EventType>));
    framework.#id = (await framework.stream.next("subscribed")).frameworkId?.value ?? "";
    return framework;
  }

  async offer(): Promise<Offer> {
    const [offer] = (await this.stream.next("offers")).offers;
    if (!offer) throw new Error("an OFFERS event without an offer");
    return offer;
  }

  send(call: Uint8Array): Promise<RawAnswer> {
    return send(`${this.#master}/api/v1/scheduler`, {
      headers: { ...HEADERS, "Mesos-Stream-Id": this.#streamId },
      body: Buffer.concat([frameworkId(this.#id), call]),
    });
  }

  /** Tears the framework down, if the master lives. */
  async stop(): Promise<void> {
    await this.send(varintField(2, 2)).catch(() => {});
    this.stream.stop();
  }
}

/** Each rule of the validator is held against what a real Mesos makes of the same bytes. */
describe.runIf(wanted)("what the validator says, real Mesos", () => {
  const cleanup = cleanupAfterAll();
  let cluster: MesosCluster;
  beforeAll(async () => {
    if (missing !== undefined) throw new Error(missing);
    cluster = cleanup.use(await startRealMesos({ flags: FLAGS }));
  });
  const frameworks: RawFramework[] = [];
  afterEach(async () => {
    for (const framework of frameworks.splice(0)) await framework.stop();
  });
  async function newFramework(of = cluster): Promise<RawFramework> {
    const framework = await RawFramework.subscribe(of.master);
    frameworks.push(framework);
    return framework;
  }

  const crashes = <T extends { mesos: Answer }>(example: T) => example.mesos === "crash";

  describe("subscriptions", () => {
    /** The text of a 400 or of an ERROR event, or that it is subscribed. */
    async function answerTo(body: Uint8Array, master = cluster.master): Promise<Answer | "subscribed"> {
      const answer = await openSubscription(master, body);
      if (answer.statusCode !== 200) {
        const chunks: Buffer[] = [];
        for await (const chunk of answer) chunks.push(chunk as Buffer);
        return { badRequest: Buffer.concat(chunks).toString() };
      }
      const stream = new EventStream(answer, protobuf, Event as MessageClass<EventType>);
      const { event } = await stream.take(({ subscribed, error }) => Boolean(subscribed ?? error));
      stream.stop();
      return event.error ? { error: event.error.message ?? "" } : "subscribed";
    }

    test.each(refusedSubscriptions.filter((each) => !crashes(each)))("refused with $name", async ({ bytes, mesos }) => {
      expect(await answerTo(bytes())).toEqual(containing(mesos));
    });

    test.each(takenSubscriptions)("taken with $name", async ({ bytes }) => {
      expect(await answerTo(bytes())).toBe("subscribed");
    });

    test.each(refusedSubscriptions.filter(crashes))("bring the master down with $name", async ({ bytes }) => {
      await expectCrash(async ({ master }) => {
        await answerTo(bytes(), master);
      });
    });
  });

  describe("calls", () => {
    test.each(refusedCalls.filter((each) => !crashes(each)))("refused: $name", async ({ bytes, mesos }) => {
      const framework = await newFramework();
      const answer = await framework.send(bytes(await framework.offer()));
      expect(await outcome(framework, answer)).toEqual(containing(mesos));
    });

    test.each(takenCalls.filter((each) => each.outcome === "taken"))("taken: $name", async ({ bytes }) => {
      const framework = await newFramework();
      const { status, text } = await framework.send(bytes(await framework.offer()));
      expect([status, text]).toEqual([status === 200 ? 200 : 202, ""]);
    });

    test.each(takenCalls.filter((each) => each.outcome === "launched"))("launched: $name", async ({ bytes }) => {
      const framework = await newFramework();
      const answer = await framework.send(bytes(await framework.offer()));
      expect(answer).toMatchObject({ status: 202 });
      // An update with a uuid is the agent's: the task passed the master's validation and got there.
      expect((await framework.stream.next("update")).status?.uuid).toHaveLength(16);
    });

    test.each(stricterCalls)("taken by Mesos, and refused by the bridge: $name", async ({ bytes }) => {
      const framework = await newFramework();
      const { status, text } = await framework.send(bytes(await framework.offer()));
      expect([status, text]).toEqual([status === 200 ? 200 : 202, ""]);
    });

    test("REVIVE of a role that is invalid revives none of them, nor does SUPPRESS suppress", async () => {
      const framework = await newFramework();
      const { id } = await framework.offer();
      const offerIds = id ? [id] : [];
      await framework.send(
        callBytes({ type: Call_Type.DECLINE, decline: { offerIds, filters: { refuseSeconds: 3600 } } }),
      );
      await framework.send(callBytes({ type: Call_Type.REVIVE, revive: { roles: ["*", "a b"] } }));
      const early = framework.stream.next("offers", { timeoutMs: SILENCE_MS });
      await expect(early).rejects.toThrow("offers did not come");
      await framework.send(callBytes({ type: Call_Type.REVIVE, revive: { roles: ["*"] } }));
      const again = await framework.offer();
      const filters = { refuseSeconds: 0 };
      const decline = { offerIds: again.id ? [again.id] : [], filters };
      await framework.send(callBytes({ type: Call_Type.SUPPRESS, suppress: { roles: ["*", "a/"] } }));
      await framework.send(callBytes({ type: Call_Type.DECLINE, decline }));
      expect(await framework.offer()).toMatchObject({ agentId: again.agentId });
    });

    test.each(refusedCalls.filter(crashes))("bring the master down: $name", async ({ bytes }) => {
      await expectCrash(async (own) => {
        const framework = await newFramework(own);
        await framework.send(bytes(await framework.offer()));
      });
    });
  });

  /** Runs against a cluster of its own, whose master then has to be gone. */
  async function expectCrash(provoke: (own: MesosCluster) => Promise<void>): Promise<void> {
    const own = await startRealMesos({ flags: FLAGS });
    try {
      await provoke(own).catch(() => {});
      const gone = () =>
        getJson(`${own.master}/version`).then(
          () => false,
          () => true,
        );
      expect(await eventually(gone, { what: "the master's end" })).toBe(true);
      expect(await own.log()).toContain("Check failure stack trace");
    } finally {
      await own.stop();
    }
  }
});

/** What became of a call that is to be refused, in the words of the examples. */
async function outcome(framework: RawFramework, { status, text }: RawAnswer): Promise<Answer | string> {
  if (status === 400) return { badRequest: text };
  if (status !== 202) return `${status} ${text}`;
  const happens = ({ update, updateOperationStatus }: EventType) => Boolean(update ?? updateOperationStatus);
  const received = await framework.stream.take(happens, { timeoutMs: SILENCE_MS }).catch(() => undefined);
  if (received === undefined) return (await knownTasks(framework)) === 0 ? "nothing" : "launched";
  const { update, updateOperationStatus } = received.event;
  if (updateOperationStatus) return { operationError: updateOperationStatus.status?.message ?? "" };
  const { uuid, message } = update?.status ?? {};
  return uuid ? "launched" : { taskError: message ?? "" };
}

/** How many tasks the master knows of the framework. */
async function knownTasks(framework: RawFramework): Promise<number> {
  await framework.send(callBytes({ type: Call_Type.RECONCILE, reconcile: {} }));
  // Reconciliation does not say where it ends. The answer to this comes behind it.
  await framework.send(callBytes({ type: Call_Type.KILL, kill: { taskId: { value: "sentinel" } } }));
  for (let tasks = 0; ; tasks++) {
    if ((await framework.stream.next("update")).status?.taskId?.value === "sentinel") return tasks;
  }
}

const callBytes = (call: Parameters<typeof Call.fromPartial>[0]) => Call.encode(Call.fromPartial(call)).finish();

function containing(answer: Answer): unknown {
  if (typeof answer === "string") return answer;
  return Object.fromEntries(Object.entries(answer).map(([key, text]) => [key, expect.stringContaining(text)]));
}
