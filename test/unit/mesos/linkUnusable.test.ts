import { once } from "node:events";
import { createServer } from "node:net";
import { describe, expect, test } from "vitest";
import { within } from "../../support/eventually.js";
import { LinkTests } from "./linkTests.js";

const links = new LinkTests();

describe("what is answered in place of a stream", () => {
  const html = "<html><body>It works!</body></html>";
  const answers: [name: string, status: number, body: string, headers: Record<string, string>, reason: RegExp][] = [
    ["503", 503, "No leader elected", {}, /^the master is not ready \(503\): No leader elected$/],
    ["401", 401, "Unauthorized", {}, /^the master wants authentication.* \(401\): Unauthorized$/],
    ["403", 403, "Forbidden", {}, /\(403\): Forbidden$/],
    ["404", 404, "404 Not Found.", {}, /^this is not a Mesos master: it answers 404 to SUBSCRIBE: 404 Not Found\.$/],
    ["405", 405, "", {}, /^this is not a Mesos master: it answers 405 to SUBSCRIBE$/],
    [
      "400",
      400,
      "Failed to validate\n scheduler::Call",
      {},
      /answers 400 to SUBSCRIBE: Failed to validate scheduler::Call$/,
    ],
    ["a long text", 500, "x".repeat(100_000), {}, /^the master answers 500 to SUBSCRIBE: x{300}$/],
    [
      "a web page",
      200,
      html,
      { "Content-Type": "text/html" },
      /^this is not a Mesos master: it answers 200 to SUBSCRIBE without a stream of events, but with text\/html: It works!$/,
    ],
    [
      "a stream of another type",
      200,
      '{"type":"SUBSCRIBED"}',
      { "Content-Type": "application/json", "Mesos-Stream-Id": "s" },
      /without a stream of events, but with application\/json: \{"type":"SUBSCRIBED"\}$/,
    ],
    [
      "a proxy's page",
      502,
      `<html><title>Bad\nGateway</title>${html}`,
      {},
      /answers 502, text\/html to SUBSCRIBE: Bad Gateway$/,
    ],
    [
      "200 without a stream id",
      200,
      html,
      { "Content-Type": "application/x-protobuf" },
      /^this is not a Mesos master: it answers 200 to SUBSCRIBE without a stream of events$/,
    ],
    ["202", 202, "", {}, /^the master answers 202 to SUBSCRIBE$/],
    [
      "a login page for credentials",
      401,
      html,
      { "Content-Type": "text/html" },
      /^something between the bridge and Mesos does not accept the bridge's credentials \(401, text\/html\): It works!$/,
    ],
    [
      "a firewall's page",
      403,
      "<html><title>Access denied</title></html>",
      {},
      /^something between the bridge and Mesos does not let the bridge through \(403, text\/html\): Access denied$/,
    ],
    [
      "a proxy that wants credentials",
      407,
      "no",
      {},
      /^a proxy between the bridge and Mesos wants credentials of its own, which the bridge can't give \(407\): no$/,
    ],
    [
      "a proxy's 503",
      503,
      html,
      { "Content-Type": "text/html" },
      /^something between the bridge and Mesos can't reach the master now \(503, text\/html\): It works!$/,
    ],
    ["a 429", 429, "slow", {}, /^something between the bridge and Mesos answers 429 to SUBSCRIBE: slow$/],
    ["a 307 without Location", 307, "", {}, /^a redirect without a usable Location$/],
    ["a 307 with nonsense", 307, "", { Location: "::::" }, /^a redirect without a usable Location$/],
    [
      "a 307 to a login page",
      307,
      "",
      { Location: "http://127.0.0.1:1/login?next=%2Fapi%2Fv1%2Fscheduler" },
      /^a redirect without a usable Location$/,
    ],
    ["a 307 to a path", 307, "", { Location: "/elsewhere" }, /^a redirect without a usable Location$/],
  ];
  test.each(answers)("%s, then a subscription", async (_, status, body, headers, reason) => {
    const subject = links.subject();
    const request = await links.master.requests.next();
    request.connection.answer(status, body, headers);
    expect(await subject.disconnected()).toMatch(reason);
    await request.connection.ended();
    await links.master.subscription();
    await subject.connected();
  });

  test.each([
    ["garbage", "SSH-2.0-OpenSSH_9.6\r\n"],
    ["bytes of another protocol", "\x15\x03\x01\x00\x02\x02\x28"],
  ])("%s", async (_, bytes) => {
    const subject = links.subject();
    (await links.master.requests.next()).connection.write(Buffer.from(bytes, "latin1"));
    expect(await subject.disconnected()).toMatch(/does not speak HTTP/);
    await links.master.subscription();
  });

  test("informational answers are passed over, and nothing of them is left", async () => {
    const subject = links.subject([links.master.url], { connectTimeoutMs: 300 });
    const { connection } = await links.master.requests.next();
    connection.write("HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n");
    connection.openStream();
    connection.subscribed();
    await subject.connected();
    await new Promise((resolve) => setTimeout(resolve, 600));
    expect(subject.told.waiting).toBe(0);
  });

  test("informational answers that go on for ever are given up", async () => {
    const subject = links.subject([links.master.url], { connectTimeoutMs: 300 });
    const { connection } = await links.master.requests.next();
    const hints = setInterval(() => connection.write("HTTP/1.1 103 Early Hints\r\n\r\n"), 50);
    links.cleanup.defer(() => clearInterval(hints));
    expect(await subject.disconnected()).toBe(`${links.master.host} took the connection and does not answer`);
  });

  test.each([
    ["a body", { "Content-Type": "text/plain" }],
    ["a body of another type", { "Content-Type": "application/octet-stream" }],
  ])("%s that goes on for ever, slowly, is given up", async (_, headers) => {
    const subject = links.subject([links.master.url], { connectTimeoutMs: 300 });
    const { connection } = await links.master.requests.next();
    connection.openStream({ ...headers, "Mesos-Stream-Id": "" });
    const drip = setInterval(() => connection.sendRaw(Buffer.from("x")), 20);
    links.cleanup.defer(() => clearInterval(drip));
    expect(await subject.disconnected()).toMatch(/^this is not a Mesos master: it answers 200 to SUBSCRIBE/);
    await connection.ended();
  });

  test("an error text that does not end is not waited for", async () => {
    const subject = links.subject([links.master.url], { connectTimeoutMs: 200 });
    const { connection } = await links.master.requests.next();
    connection.write("HTTP/1.1 503 Service Unavailable\r\nContent-Length: 100\r\n\r\nNo leader");
    expect(await subject.disconnected()).toMatch(/^the master is not ready \(503\): No leader$/);
    await connection.ended();
  });
});

describe("silence", () => {
  test("after the connection was taken", async () => {
    const subject = links.subject([links.master.url], { connectTimeoutMs: 1_000 });
    const { connection } = await links.master.requests.next();
    expect(await subject.disconnected()).toBe(`${links.master.host} took the connection and does not answer`);
    await connection.ended();
  });

  test("after the head", async () => {
    const subject = links.subject([links.master.url], { connectTimeoutMs: 100 });
    const { connection } = await links.master.requests.next();
    connection.openStream();
    expect(await subject.disconnected()).toBe(`${links.master.host} was silent for 100 ms`);
    await connection.ended();
  });

  test("in the middle of connecting", async () => {
    const subject = links.subject([new URL(`https://${links.master.host}`)], { connectTimeoutMs: 1_000 });
    const connection = await links.master.connections.next();
    expect(await subject.disconnected()).toBe(`${links.master.host} can't be reached: no connection in time`);
    await connection.ended();
  });

  test.each([
    ["while it is connecting", "https:"],
    ["while it waits for the answer", "http:"],
  ])("a link closes at once %s", async (_, scheme) => {
    const subject = links.subject([new URL(`${scheme}//${links.master.host}`)], { connectTimeoutMs: 30_000 });
    const connection = await links.master.connections.next();
    await within(subject.link.close(), { timeoutMs: 15_000, what: "the link's end" });
    await connection.ended({ timeoutMs: 15_000 });
    expect(subject.told.all).toEqual([]);
  });

  test("a link closes at once while it waits to try again", async () => {
    const subject = links.subject([links.master.url], { backoff: { initialMs: 60_000, maxMs: 60_000 } });
    (await links.master.requests.next()).connection.answer(503);
    await subject.disconnected();
    await within(subject.link.close(), { timeoutMs: 20_000, what: "the link's end" });
  });
});

describe("masters that can't be reached", () => {
  test("nothing listens", async () => {
    const gone = await links.gone();
    const subject = links.subject([gone.url]);
    expect(await subject.disconnected()).toBe(`nothing listens at ${gone.host}`);
  });

  test("a name that does not exist", async () => {
    const subject = links.subject([new URL("http://no-such-master.invalid:5050")]);
    expect(await subject.disconnected()).toBe("the name no-such-master.invalid can't be resolved");
  });

  test("the next one of the list is tried, and the first again after the last", async () => {
    const gone = await links.gone();
    const subject = links.subject([gone.url, links.master.url]);
    expect(await subject.disconnected()).toBe(`nothing listens at ${gone.host}`);
    const { connection } = await links.master.subscription();
    await subject.connected();
    connection.endStream();
    expect(await subject.disconnected()).toBe("the master ended the subscription");
    expect(await subject.disconnected()).toBe(`nothing listens at ${gone.host}`);
    await links.master.subscription();
  });

  test("what listens and closes at once", async () => {
    const server = createServer((socket) => socket.resetAndDestroy());
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    links.cleanup.defer(() => new Promise((resolve) => server.close(resolve)));
    const { port } = server.address() as { port: number };
    const subject = links.subject([new URL(`http://127.0.0.1:${port}`)]);
    expect(await subject.disconnected()).toBe(`the connection to 127.0.0.1:${port} broke`);
  });
});
