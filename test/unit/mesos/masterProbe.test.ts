import { afterEach, beforeEach, expect, test } from "vitest";
import { ListDetector } from "../../../server/mesos/detect/detector.js";
import { noAuthentication } from "../../../server/mesos/link/authentication.js";
import { MasterProbe } from "../../../server/mesos/link/masterProbe.js";
import { Cleanup } from "../../support/cleanup.js";
import { eventually } from "../../support/eventually.js";
import { type FakeConnection, FakeMaster } from "../../support/fakeMaster.js";
import { watchLeftovers } from "../../support/leftovers.js";

type Answer = (connection: FakeConnection) => void;

const leads: Answer = (connection) => connection.answer(405, "", { Allow: "POST" });
const silence: Answer = () => {};
const noLeader: Answer = (connection) => connection.answer(503, "No leader elected");

let cleanup: Cleanup;
beforeEach(() => {
  cleanup = new Cleanup();
});
afterEach(() => cleanup.run());

/** A master that answers questions as was last said. */
async function master(first: Answer): Promise<{ master: FakeMaster; answer(next: Answer): void; asked(): number }> {
  const master = cleanup.use(await FakeMaster.start());
  let answer = first;
  let asked = 0;
  const serve = async () => {
    for (;;) {
      const request = await master.requests.next({ timeoutMs: 60_000 });
      expect([request.method, request.path]).toEqual(["GET", "/api/v1/scheduler"]);
      asked++;
      answer(request.connection);
    }
  };
  serve().catch(() => {});
  return { master, asked: () => asked, answer: (next) => (answer = next) };
}

function probe(...masters: FakeMaster[]): { probe: MasterProbe; told: boolean[]; lines: string[] } {
  const told: boolean[] = [];
  const lines: string[] = [];
  const note = (fields: object) => lines.push(JSON.stringify(fields));
  const probe = new MasterProbe(
    {
      detector: new ListDetector({ kind: "list", urls: masters.map(({ url }) => url) }),
      authentication: noAuthentication,
      log: { debug: note, info: note, warn: note, error: note },
      intervalMs: 50,
      retryMs: 20,
      timeoutMs: 1_000,
    },
    (reachable) => told.push(reachable),
  );
  cleanup.defer(() => probe.close());
  probe.start();
  return { probe, told, lines };
}

test("a page is not a master's, although it wants a POST, too", async () => {
  const page = "<!doctype html><title>405 Method Not Allowed</title>";
  const { master: only, answer } = await master((connection) =>
    connection.answer(405, page, { Allow: "OPTIONS, POST", "Content-Type": "text/html; charset=utf-8" }),
  );
  const { told, lines } = probe(only);
  await eventually(() => lines.length === 1);
  expect(lines[0]).toContain("is not a Mesos master (HTTP 405 to GET");
  answer((connection) => connection.answer(403, page, { "Content-Type": "text/html" }));
  await eventually(() => lines.length === 2);
  expect(lines[1]).toContain("something between the bridge and Mesos does not let the bridge through (403, text/html)");
  expect(told).toEqual([false, false]);
  const text = "405 Method Not Allowed. Expecting one of { 'POST' }, but received 'GET'.";
  answer((connection) => connection.answer(405, text, { Allow: "POST", "Content-Type": "text/plain; charset=utf-8" }));
  await eventually(() => told.at(-1) === true);
});

test("a master that leads, that stands by, that is silent", async () => {
  const { master: only, answer } = await master(leads);
  const { told, lines } = probe(only);
  await eventually(() => told.length === 1);
  answer(noLeader);
  await eventually(() => told.length === 2);
  answer(leads);
  await eventually(() => told.length === 3);
  answer(silence);
  await eventually(() => told.length === 4);
  expect(told).toEqual([true, false, true, false]);
  expect(lines[1]).toContain("the master is not ready (503): No leader elected");
  expect(lines[3]).toContain(`${only.host} does not answer`);
});

test("the one that a master names is asked", async () => {
  const { master: leader } = await master(leads);
  const to = { Location: `//${leader.host}/api/v1/scheduler` };
  const { master: standby } = await master((connection) => connection.answer(307, "", to));
  const { told } = probe(standby);
  await eventually(() => told.length === 1);
  expect(told).toEqual([true]);
});

test("while a framework is subscribed, one question without an answer does not count, a second does", async () => {
  const { master: only, answer, asked } = await master(leads);
  const { probe: subject, told } = probe(only);
  await eventually(() => told.length === 1);
  subject.subscribed();
  answer((connection) => {
    answer(leads);
    noLeader(connection);
  });
  const before = asked();
  await eventually(() => asked() >= before + 4);
  expect(told).toEqual([true]);
  answer(noLeader);
  await eventually(() => told.length === 2);
  expect(told).toEqual([true, false]);
  // What a subscription proves counts at once, before the next question.
  answer(silence);
  subject.subscribed();
  expect(told).toEqual([true, false, true]);
});

test("the last subscription that ends is a reason to ask at once", async () => {
  const { master: only, answer } = await master(leads);
  const { probe: subject, told } = probe(only);
  await eventually(() => told.length === 1);
  subject.subscribed();
  answer(noLeader);
  subject.unsubscribed();
  await eventually(() => told.length === 2);
  expect(told).toEqual([true, false]);
});

test("leaves no timer and no socket behind", async () => {
  const { master: only } = await master(leads);
  const left = watchLeftovers();
  const { probe: subject, told } = probe(only);
  await eventually(() => told.length === 1);
  subject.close();
  await left();
});
