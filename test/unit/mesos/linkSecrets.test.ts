import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { Event_Type } from "../../../gen/mesos/v1/scheduler/scheduler.js";
import type { Log } from "../../../server/log.js";
import {
  type Authentication,
  basicAuthentication,
  bearerAuthentication,
} from "../../../server/mesos/link/authentication.js";
import type { CallOutcome } from "../../../server/mesos/link/callOutcome.js";
import { Arrivals } from "../../support/arrivals.js";
import type { FakeConnection } from "../../support/fakeMaster.js";
import { outgoingCall } from "../../support/outgoingCall.js";
import { LinkTests, type Subject } from "./linkTests.js";

const links = new LinkTests();
const SECRET = `s3cret "of" a/b+c=d&e f`;
const BASIC = Buffer.from(`alice:${SECRET}`).toString("base64");
const TOKEN = "t0ken.eyJzdWIiOiJicmlkZ2UifQ.c2lnbmF0dXJl";

const kinds = [
  { kind: "basic", header: `Basic ${BASIC}`, plain: SECRET },
  { kind: "bearer", header: `Bearer ${TOKEN}`, plain: TOKEN },
] as const;
type Kind = (typeof kinds)[number];

async function authentication({ kind }: Kind): Promise<Authentication> {
  const path = join(await links.cleanup.tempDir(), "secret");
  writeFileSync(path, kind === "basic" ? SECRET : TOKEN);
  return kind === "basic" ? basicAuthentication("alice", path) : bearerAuthentication(path);
}

/** A link whose log is kept, with what it and its handler were told. */
async function subject(kind: Kind): Promise<{ subject: Subject; told(): string }> {
  const lines: unknown[] = [];
  const note = (...line: unknown[]) => lines.push(line);
  const log: Log = { debug: note, info: note, warn: note, error: note };
  const options = { authentication: await authentication(kind), log, connectTimeoutMs: 1_000 };
  const subject = links.subject([links.master.url], options);
  return { subject, told: () => JSON.stringify([lines, subject.told.all]) };
}

/** Nothing of a secret: no form of it, and not its beginning. */
function expectNothingOfSecrets(text: string): void {
  for (const part of ["s3cre", "a/b", "a%2Fb", BASIC.slice(0, 12), BASIC.slice(-12), "t0ken", "c2lnbmF0"]) {
    expect(text).not.toContain(part);
  }
}

const html = (text: string) => text.replaceAll("&", "&amp;").replaceAll('"', "&quot;");
const text = { "Content-Type": "text/plain" };

const answers: [name: string, answer: (connection: FakeConnection, kind: Kind) => void][] = [
  ["in a text", (connection, { header, plain }) => connection.answer(401, `${header} is not ${plain}`)],
  [
    "in JSON",
    (connection, kind) => connection.answer(400, JSON.stringify(kind), { "Content-Type": "application/json" }),
  ],
  ["in a URL", (connection, { plain }) => connection.answer(400, `/login?was=${encodeURIComponent(plain)}`)],
  [
    "in a page",
    (connection, { plain, header }) =>
      connection.answer(502, `<html><title>${html(plain)} ${header}</title></html>`, { "Content-Type": "text/html" }),
  ],
  ["in a header", (connection, { plain }) => connection.answer(403, "no", { "Content-Type": `text/${plain}` })],
  [
    "in a redirection",
    (connection, { kind }) => connection.answer(307, "", { Location: `//${kind === "basic" ? "x" : TOKEN}:1/` }),
  ],
  [
    "across the end of what is told",
    (connection, { plain, header }) =>
      connection.answer(400, `${"-".repeat(290)}${plain}${"-".repeat(1_690)}${header}`),
  ],
  [
    "so often that little else is left, and across the end of what is read",
    (connection, { header }) => connection.answer(400, header.repeat(10_000).slice(0, 65_536 + 9), text),
  ],
  [
    "in a text that does not end",
    (connection, { plain }) =>
      connection.write(`HTTP/1.1 400 No\r\nContent-Length: 900\r\n\r\nwho is ${plain.slice(0, 9)}`),
  ],
];

describe.each(kinds)("a master that echoes $kind credentials", (kind) => {
  test.each(answers)("%s, to SUBSCRIBE", async (_, answer) => {
    const { subject: link, told } = await subject(kind);
    (await links.master.requests.next()).connection.answer(503, "warm-up");
    await link.disconnected();
    answer((await links.master.requests.next()).connection, kind);
    await link.disconnected();
    expectNothingOfSecrets(told());
  });

  test.each(answers.slice(0, -1))("%s, to a call", async (_, answer) => {
    const { subject: link, told } = await subject(kind);
    await links.master.subscription();
    await link.connected();
    const outcomes = new Arrivals<CallOutcome>();
    link.link.send(outgoingCall("\x10\x05"), (outcome) => outcomes.push(outcome));
    answer((await links.master.requests.next()).connection, kind);
    expectNothingOfSecrets(JSON.stringify(await outcomes.next()) + told());
  });

  test("in an ERROR event", async () => {
    const { subject: link, told } = await subject(kind);
    const { connection } = await links.master.subscription();
    await link.connected();
    connection.send({ type: Event_Type.ERROR, error: { message: `no: ${kind.header} ${kind.plain}` } });
    const refused = await link.told.next();
    expect(refused).toMatchObject({ refused: expect.stringMatching(/^no: .*\*\*\*/) });
    expectNothingOfSecrets(told());
  });

  test("in place of events", async () => {
    const { subject: link, told } = await subject(kind);
    const { connection } = await links.master.requests.next();
    connection.openStream();
    connection.sendRaw(Buffer.from(kind.plain));
    expect(await link.disconnected()).toMatch(/not RecordIO/);
    expectNothingOfSecrets(told());
  });
});

test("a secret that was replaced is not told either", async () => {
  const path = join(await links.cleanup.tempDir(), "secret");
  writeFileSync(path, TOKEN);
  const authentication = bearerAuthentication(path);
  const link = links.subject([links.master.url], { authentication });
  await links.master.requests.next();
  const seen = new Arrivals<string>();
  links.cleanup.defer(authentication.onChanged((header) => seen.push(header)));
  writeFileSync(path, "another");
  await seen.next();
  links.master.requests.all[0]?.connection.answer(401, `Bearer ${TOKEN}`);
  expect(await link.disconnected()).toBe("the master does not accept the bridge's credentials (401): Bearer ***");
});
