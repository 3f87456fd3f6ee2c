import fc from "fast-check";
import { beforeAll, describe, expect, test } from "vitest";
import { FrameworkInfo } from "../../../gen/mesos/v1/mesos.js";
import {
  type KnownTask,
  ListFrameworksRequest,
  ListFrameworksResponse,
  ListOffersRequest,
  ListOffersResponse,
  ListTasksRequest,
  ListTasksResponse,
  type OpenOffer,
} from "../../../gen/mesosbridge/v1/observer.js";
import { type Listings, listings } from "../../../server/grpc/listings.js";
import { ListDetector } from "../../../server/mesos/detect/detector.js";
import { noAuthentication } from "../../../server/mesos/link/authentication.js";
import { linksWith } from "../../../server/mesos/link/link.js";
import type { FrameworkRecord } from "../../../server/session/frameworkStore.js";
import { ObserverHub } from "../../../server/session/observerHub.js";
import type { Session } from "../../../server/session/session.js";
import { SessionManager } from "../../../server/session/sessionManager.js";
import { LogStore } from "../../../server/store/logStore.js";
import { cleanupAfterAll } from "../../support/cleanup.js";
import { FakeMaster } from "../../support/fakeMaster.js";
import { ForwardingStore } from "../session/forwardingStore.js";
import { attachRequest, offer } from "../session/samples.js";

const cleanup = cleanupAfterAll();
const silent = () => {};
const log = { debug: silent, info: silent, warn: silent, error: silent };

/** A store that counts how many records it hands out. */
class CountingStore extends ForwardingStore {
  read = 0;

  override framework(frameworkName: string): FrameworkRecord | undefined {
    this.read += 1;
    return super.framework(frameworkName);
  }

  override frameworks(): FrameworkRecord[] {
    const all = super.frameworks();
    this.read += all.length;
    return all;
  }
}

/** Sessions whose master takes their connections and says nothing, and what observers see of them. */
async function observed() {
  const store = new CountingStore(await LogStore.open(await cleanup.tempDir(), { log }));
  cleanup.defer(() => store.close());
  const detector = new ListDetector({ kind: "list", urls: [cleanup.use(await FakeMaster.start()).url] });
  const links = linksWith({ detector, authentication: noAuthentication, log });
  const sessions = new SessionManager({ links, log, store, hub: new ObserverHub() });
  cleanup.defer(() => sessions.close());
  const lists = listings(sessions);
  const call = (method: keyof Listings, request: Uint8Array): Buffer => lists[method](Buffer.from(request), () => true);
  const attach = async (frameworkName: string): Promise<Session> => {
    const { session } = await sessions.attach(attachRequest(frameworkName), { wake: silent, end: silent });
    return session;
  };
  return {
    store,
    sessions,
    attach,
    frameworks: (request: Partial<ListFrameworksRequest>) => {
      const bytes = ListFrameworksRequest.encode(ListFrameworksRequest.fromPartial(request)).finish();
      return ListFrameworksResponse.decode(call("listFrameworks", bytes));
    },
    offers: (request: Partial<ListOffersRequest>) => {
      const bytes = ListOffersRequest.encode(ListOffersRequest.fromPartial(request)).finish();
      return ListOffersResponse.decode(call("listOffers", bytes));
    },
    tasks: (request: Partial<ListTasksRequest>) => {
      const bytes = ListTasksRequest.encode(ListTasksRequest.fromPartial(request)).finish();
      return ListTasksResponse.decode(call("listTasks", bytes));
    },
  };
}

type Observed = Awaited<ReturnType<typeof observed>>;

const launch = ({ state }: Session, taskId: string) => state.tasks.launched({ taskId, agentId: "agent" }, 0);
const forget = ({ state }: Session, taskId: string) => state.tasks.notLaunched(taskId);
const byUnits = (a: string, b: string) => (a < b ? -1 : a > b ? 1 : 0);

describe("tasks and offers of several frameworks", () => {
  const names = ["a", "a b", "b", "\u{1f600}", "\uff41"];
  let list: Observed;
  let open: Session[];
  beforeAll(async () => {
    list = await observed();
    open = await Promise.all(names.map(list.attach));
  });

  const taskKey = ({ frameworkName, taskId }: KnownTask) => `${frameworkName}\n${taskId?.value}`;
  const offerKey = ({ frameworkName, offer }: OpenOffer) => `${frameworkName}\n${offer?.id?.value}`;

  test("come by framework name and then by id, page by page, of all frameworks or of one", () => {
    const ids = ["1", "10", "2", "x"];
    for (const session of open) {
      for (const id of ids.toReversed()) launch(session, id);
      session.state.offers.add(
        ids.toReversed().map((id) => offer(id)),
        undefined,
      );
    }
    const expected = names.flatMap((name) => ids.map((id) => `${name}\n${id}`)).sort(byUnits);
    for (const pageSize of [1, 3, 4, 100]) {
      for (const frameworkName of ["", "a", "b"]) {
        const wanted = expected.filter((key) => frameworkName === "" || key.startsWith(`${frameworkName}\n`));
        const keys = { tasks: [] as string[], offers: [] as string[] };
        for (let pageToken: string | undefined = ""; pageToken !== undefined; ) {
          const page = list.tasks({ frameworkName, pageSize, pageToken });
          keys.tasks.push(...page.tasks.map(taskKey));
          pageToken = page.nextPageToken || undefined;
        }
        for (let pageToken: string | undefined = ""; pageToken !== undefined; ) {
          const page = list.offers({ frameworkName, pageSize, pageToken });
          keys.offers.push(...page.offers.map(offerKey));
          pageToken = page.nextPageToken || undefined;
        }
        expect(keys).toEqual({ tasks: wanted, offers: wanted });
      }
    }
    for (const session of open) {
      for (const id of ids) forget(session, id);
      session.state.offers.clear();
    }
  });

  test("a framework without a session is not found, and what is no page is refused", () => {
    const reason = (details: string) => expect.objectContaining({ message: expect.stringContaining(details) });
    expect(() => list.tasks({ frameworkName: "none" })).toThrow(reason("there is no session of framework 'none'"));
    expect(() => list.offers({ pageSize: -1 })).toThrow(reason("page_size"));
    expect(() => list.tasks({ pageToken: "nonsense" })).toThrow(reason("page_token"));
  });

  test("what comes and goes between pages neither repeats nor hides others", () => {
    const change = fc.record({
      framework: fc.nat({ max: names.length - 1 }),
      id: fc.nat({ max: 20 }).map(String),
      add: fc.boolean(),
    });
    const changes = fc.array(change, { maxLength: 30 });
    fc.assert(
      fc.property(
        changes,
        fc.array(changes, { maxLength: 10 }),
        fc.integer({ min: 1, max: 7 }),
        (before, between, pageSize) => {
          const known = new Set<string>();
          const perform = (all: typeof before) => {
            for (const { framework, id, add } of all) {
              const session = open[framework] as Session;
              (add ? launch : forget)(session, id);
              known[add ? "add" : "delete"](`${session.frameworkName}\n${id}`);
            }
          };
          perform(before);
          const always = new Set(known);
          const given: string[] = [];
          const left = [...between];
          for (let pageToken: string | undefined = ""; pageToken !== undefined; ) {
            const page = list.tasks({ pageSize, pageToken });
            const keys = page.tasks.map(taskKey);
            for (const key of keys) expect(known).toContain(key);
            given.push(...keys);
            pageToken = page.nextPageToken || undefined;
            perform(left.shift() ?? []);
            for (const key of always) if (!known.has(key)) always.delete(key);
          }
          for (const session of open)
            for (const { taskId } of [...session.state.tasks.active()]) forget(session, taskId);
          expect(given).toEqual([...new Set(given)].sort(byUnits));
          for (const key of always) expect(given).toContain(key);
        },
      ),
      { numRuns: 50 },
    );
  });
});

describe("what a page costs", () => {
  /** The least time that one of several pages takes, while others come and go. */
  function leastMs(page: () => unknown, change: () => void): number {
    const times = Array.from({ length: 40 }, () => {
      change();
      const start = performance.now();
      page();
      return performance.now() - start;
    });
    return Math.min(...times);
  }

  test("does not depend on how many tasks and offers there are", async () => {
    const { attach, tasks, offers } = await observed();
    const [few, many] = [await attach("few"), await attach("many")];
    const size = new Map([
      [few, 20_000],
      [many, 80_000],
    ]);
    for (const [session, count] of size) {
      const ids = Array.from({ length: count }, (_, i) => `${((i * 7_919) % count) + 100_000}`);
      for (const id of ids) launch(session, id);
      // All of them the same bytes: only the ids matter here.
      const { bytes } = offer("any");
      session.state.offers.add(
        ids.map((id) => ({ id, agentId: "agent", bytes })),
        undefined,
      );
    }
    for (const list of [tasks, offers]) {
      const pageOf = (frameworkName: string) => {
        const { nextPageToken: pageToken } = list({ frameworkName });
        const change = () => {
          for (const session of [few, many]) {
            launch(session, "100000-new");
            forget(session, "100000-new");
            session.state.offers.add([{ id: "100000-new", agentId: "agent", bytes: Buffer.alloc(0) }], undefined);
            session.state.offers.remove("100000-new");
          }
        };
        return leastMs(() => list({ frameworkName, pageToken }), change);
      };
      // Warm both up before.
      for (const frameworkName of ["few", "many"]) pageOf(frameworkName);
      // Four times as many take the same time; if each call looked at all of them, it would be four times as long.
      expect(pageOf("many") / pageOf("few")).toBeLessThan(2.5);
      expect(pageOf("") / pageOf("few")).toBeLessThan(2.5);
    }
  });
});

describe("frameworks", () => {
  const record = (frameworkName: string): FrameworkRecord => ({
    frameworkName,
    frameworkId: `id of ${frameworkName}`,
    frameworkInfo: FrameworkInfo.encode(FrameworkInfo.fromPartial({ user: "root" })).finish(),
    suppressedRoles: [],
    offerConstraints: Buffer.alloc(0),
    leaseMs: 1,
    expiryPolicy: "disconnect",
    open: false,
    detachedAtMs: undefined,
  });

  test("that have a session, that only are remembered, and that are forgotten", async () => {
    const { attach, store, sessions, frameworks } = await observed();
    const remembered = ["m", "\u{1f600}", "\uff41", "z"];
    await Promise.all(remembered.map((name) => store.put(record(name))));
    sessions.restore();
    for (const name of ["z", "b"]) await attach(name);
    const found: unknown[] = [];
    for (let pageToken: string | undefined = ""; pageToken !== undefined; ) {
      const page = frameworks({ pageSize: 2, pageToken });
      found.push(...page.frameworks.map(({ frameworkName, sessionOpen }) => [frameworkName, sessionOpen]));
      pageToken = page.nextPageToken || undefined;
    }
    expect(found).toEqual([
      ["b", true],
      ["m", false],
      ["z", true],
      ["\u{1f600}", false],
      ["\uff41", false],
    ]);
    expect(
      frameworks({})
        .frameworks.map(({ frameworkId }) => frameworkId?.value)
        .slice(1),
    ).toEqual(["m", "z", "\u{1f600}", "\uff41"].map((name) => `id of ${name}`));
    await store.remove("m");
    expect(frameworks({}).frameworks.map(({ frameworkName }) => frameworkName)).toEqual([
      "b",
      "z",
      "\u{1f600}",
      "\uff41",
    ]);
  });

  test("a page reads the records that it shows, and no others", async () => {
    const { store, sessions, frameworks } = await observed();
    await Promise.all(Array.from({ length: 500 }, (_, i) => store.put(record(`framework ${i}`))));
    sessions.restore();
    store.read = 0;
    const { nextPageToken: pageToken } = frameworks({ pageSize: 10 });
    expect(store.read).toBeLessThanOrEqual(11);
    store.read = 0;
    expect(frameworks({ pageSize: 10, pageToken }).frameworks.length).toBe(10);
    expect(store.read).toBeLessThanOrEqual(11);
  });
});
