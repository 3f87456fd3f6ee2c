import { readFileSync } from "node:fs";
import { createFileRegistry, fromBinary } from "@bufbuild/protobuf";
import { FileDescriptorSetSchema } from "@bufbuild/protobuf/wkt";
import { afterEach, beforeAll, describe, expect, test } from "vitest";
import { type Offer, Offer as OfferMessage } from "../../gen/mesos/v1/mesos.js";
import {
  Call,
  Call_Subscribe,
  Call_Type,
  Event,
  type Event as EventType,
} from "../../gen/mesos/v1/scheduler/scheduler.js";
import { MessageTables } from "../../server/validation/messageTable.js";
import type { FieldViolation } from "../../server/validation/validator.js";
import { Walker } from "../../server/validation/walker.js";
import { lengthDelimited, stringField, varintField } from "../../wire/proto.js";
import { cleanupAfterAll } from "../support/cleanup.js";
import type { MesosCluster } from "../support/cluster.js";
import { type MessageClass, protobuf } from "../support/codec.js";
import { EventStream } from "../support/eventStream.js";
import { eventually } from "../support/eventually.js";
import { getJson, open, type RawAnswer, send, singleConnection } from "../support/http.js";
import { at } from "../support/paths.js";
import { realMesosMissing, startRealMesos } from "../support/realMesos.js";
import { PARTITION_AWARE, subscribe } from "../unit/validation/examples/builders.js";
import { refusedCalls, stricterCalls, takenCalls } from "../unit/validation/examples/calls.js";
import type { Answer, PartialFramework } from "../unit/validation/examples/example.js";
import {
  refusedSubscriptions,
  stricterSubscriptions,
  takenSubscriptions,
} from "../unit/validation/examples/subscriptions.js";

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

  static async subscribe(master: string, info: PartialFramework = {}): Promise<RawFramework> {
    const capabilities = [{ type: PARTITION_AWARE }, ...(info.capabilities ?? [])];
    const answer = await openSubscription(master, subscribe({ ...info, capabilities }));
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
  async function newFramework(info?: PartialFramework, of = cluster): Promise<RawFramework> {
    const framework = await RawFramework.subscribe(of.master, info);
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

    test.each(stricterSubscriptions)("taken by Mesos, and refused by the bridge: $name", async ({ bytes }) => {
      expect(await answerTo(bytes())).toBe("subscribed");
    });

    test.each(refusedSubscriptions.filter(crashes))("bring the master down with $name", async ({ bytes }) => {
      await expectCrash(async ({ master }) => {
        await answerTo(bytes(), master);
      });
    });
  });

  describe("calls", () => {
    test.each(refusedCalls.filter((each) => !crashes(each)))(
      "refused: $name",
      async ({ bytes, mesos, framework: info }) => {
        const framework = await newFramework(info);
        const answer = await framework.send(bytes(await framework.offer()));
        expect(await outcome(framework, answer)).toEqual(containing(mesos));
      },
    );

    test.each(takenCalls.filter((each) => each.outcome === "taken"))(
      "taken: $name",
      async ({ bytes, framework: info }) => {
        const framework = await newFramework(info);
        const { status, text } = await framework.send(bytes(await framework.offer()));
        expect([status, text]).toEqual([status === 200 ? 200 : 202, ""]);
      },
    );

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

    test.each(refusedCalls.filter(crashes))("bring the master down: $name", async ({ bytes, framework: info }) => {
      await expectCrash(async (own) => {
        const framework = await newFramework(info, own);
        await framework.send(bytes(await framework.offer()));
      });
    });
  });

  /** Frameworks that Mesos does not know can't do any harm, whatever the call. */
  test("bytes that Mesos can't parse are the ones that the validator calls malformed or incomplete", async () => {
    const offer = OfferMessage.fromPartial({
      id: { value: "o" },
      agentId: { value: "a" },
      frameworkId: { value: "f" },
    });
    const seeds = [...refusedCalls, ...takenCalls].map(({ bytes }) => Buffer.from(bytes(offer)));
    const connection = singleConnection();
    cleanup.defer(() => connection.destroy());
    const verdicts = { parsed: 0, unparsable: 0 };
    for (const damaged of damagedCalls(seeds, 2500)) {
      const body = Buffer.concat([frameworkId("unknown"), damaged]);
      const violations = structure.walk(callTable, body);
      if (violations.some(isStricter) || isUnsafe(body, violations.length === 0)) continue;
      const answer = await send(`${cluster.master}/api/v1/scheduler`, { headers: HEADERS, body, agent: connection });
      const unparsable = answer.text === "Failed to parse body into Call protobuf";
      const bytes = body.toString("hex");
      expect({ bytes, violations, refused: violations.length > 0 }).toEqual({ bytes, violations, refused: unparsable });
      verdicts[unparsable ? "unparsable" : "parsed"]++;
    }
    expect(verdicts.parsed).toBeGreaterThan(200);
    expect(verdicts.unparsable).toBeGreaterThan(200);
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

const descriptors = readFileSync(at("gen/descriptors.binpb"));
const tables = new MessageTables(createFileRegistry(fromBinary(FileDescriptorSetSchema, descriptors)), {
  contexts: [],
  fields: [],
  messages: [],
});
const callTable = tables.get("mesos.v1.scheduler.Call");
/** What the descriptors ask for, without Mesos's other rules. */
const structure = new Walker();

/** What the bridge refuses and Mesos parses: the examples have each of them. */
const isStricter = ({ description }: FieldViolation) =>
  /is not valid UTF-8|contain a NUL|has wire type|field number that is too large|its length is wrong|more than once|beside|not fit/.test(
    description,
  );

/** Calls that the master does not survive, or that it would hold open. */
function isUnsafe(body: Uint8Array, readable: boolean): boolean {
  const type = readable ? Call.decode(body).type : undefined;
  return type === Call_Type.UNKNOWN || type === Call_Type.SUBSCRIBE;
}

/** Calls with some bytes changed, put in, left out, or taken from another: much the same ones in each run. */
function* damagedCalls(seeds: readonly Buffer[], count: number): Generator<Buffer> {
  let state = 20_261_123;
  const random = (below: number) => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
    return below === 0 ? 0 : (state >>> 8) % below;
  };
  const pick = () => seeds[random(seeds.length)] ?? Buffer.alloc(0);
  for (let i = 0; i < count; i++) {
    let bytes = pick();
    for (let changes = random(4); changes > 0; changes--) {
      const at = random(bytes.length);
      const other = pick();
      const from = random(other.length);
      const middles = [Buffer.from([random(256)]), Buffer.alloc(0), other.subarray(from, from + random(12))];
      const middle = middles[random(middles.length)] ?? Buffer.alloc(0);
      bytes = Buffer.concat([bytes.subarray(0, at), middle, bytes.subarray(at + random(2))]);
    }
    yield bytes;
  }
}

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
