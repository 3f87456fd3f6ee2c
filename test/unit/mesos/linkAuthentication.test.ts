import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import {
  type Authentication,
  basicAuthentication,
  bearerAuthentication,
} from "../../../server/mesos/authentication.js";
import type { CallOutcome } from "../../../server/mesos/callOutcome.js";
import { Arrivals } from "../../support/arrivals.js";
import { FakeMaster } from "../../support/fakeMaster.js";
import { LinkTests } from "./linkTests.js";

const links = new LinkTests();

describe("authentication", () => {
  function secretFile(text: string): string {
    const dir = mkdtempSync(join(tmpdir(), "mesos-bridge-"));
    links.cleanup.defer(() => rmSync(dir, { recursive: true }));
    const path = join(dir, "secret");
    writeFileSync(path, text);
    return path;
  }

  const with_ = (authentication: Authentication) => links.subject([links.master.url], { authentication });

  test("basic, on the subscription and on calls", async () => {
    const subject = with_(basicAuthentication("prince", secretFile("s3cret\n")));
    const expected = `Basic ${Buffer.from("prince:s3cret").toString("base64")}`;
    expect((await links.master.subscription()).headers.get("authorization")).toBe(expected);
    await subject.connected();
    subject.link.send(Buffer.from("call"), () => {});
    expect((await links.master.requests.next()).headers.get("authorization")).toBe(expected);
  });

  test("a token that changes is read again for the next subscription", async () => {
    const path = secretFile("first");
    const subject = with_(bearerAuthentication(path));
    const request = await links.master.subscription();
    expect(request.headers.get("authorization")).toBe("Bearer first");
    await subject.connected();
    writeFileSync(path, "second, longer\n");
    request.connection.endStream();
    expect((await links.master.subscription()).headers.get("authorization")).toBe("Bearer second, longer");
  });

  test.each([
    ["is gone", undefined, /^the credentials can't be read: ENOENT/],
    ["is empty", " \n", /^the credentials can't be read: .*secret is empty$/],
    ["holds two lines", "a\nb\n", /^the credentials can't be read: .*secret holds more than one line$/],
  ])("a file that %s is told, without its text, and waited for", async (_, text, reason) => {
    const path = secretFile(text ?? "");
    if (text === undefined) rmSync(path);
    const subject = with_(bearerAuthentication(path));
    expect(await subject.disconnected()).toMatch(reason);
    writeFileSync(path, "token at last");
    expect((await links.master.subscription()).headers.get("authorization")).toBe("Bearer token at last");
  });

  test("a file that goes away in a redirection is asked for at leisure", async () => {
    const path = secretFile("token");
    const backoff = { initialMs: 200, maxMs: 200 };
    const subject = links.subject([links.master.url], { authentication: bearerAuthentication(path), backoff });
    const request = await links.master.requests.next();
    rmSync(path);
    request.connection.answer(307, "", { Location: `//${links.master.host}/` });
    await subject.disconnected();
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect(subject.told.all.length).toBeLessThan(50);
  });

  test("a token that can't be in a header is told, and not shown", async () => {
    const subject = with_(bearerAuthentication(secretFile("to\u0000ken\u20acXYZ")));
    const reason = await subject.disconnected();
    expect(reason).not.toContain("XYZ");
    expect(reason).toMatch(/authorization|credentials/i);
  });
});

describe("TLS", () => {
  /** A key and a certificate for 127.0.0.1 that is its own authority. */
  async function tlsMaster(): Promise<{ master: FakeMaster; tlsCa: string }> {
    const dir = await links.cleanup.tempDir();
    const [key, cert] = [join(dir, "key.pem"), join(dir, "cert.pem")];
    const subject = ["-subj", "/CN=master", "-addext", "subjectAltName=IP:127.0.0.1", "-days", "2", "-nodes"];
    const make = [
      "req",
      "-x509",
      "-newkey",
      "ec",
      "-pkeyopt",
      "ec_paramgen_curve:prime256v1",
      "-keyout",
      key,
      "-out",
      cert,
    ];
    execFileSync(process.env.OPENSSL ?? "openssl", [...make, ...subject], { stdio: "ignore" });
    const tls = { key: readFileSync(key), cert: readFileSync(cert) };
    return { master: links.cleanup.use(await FakeMaster.start({ tls })), tlsCa: readFileSync(cert, "utf8") };
  }

  test("subscribes and calls over TLS with an authority of one's own", async () => {
    const { master, tlsCa } = await tlsMaster();
    const subject = links.subject([master.url], { tlsCa });
    await master.subscription();
    await subject.connected();
    const outcomes = new Arrivals<CallOutcome>();
    subject.link.send(Buffer.from("call"), (outcome) => outcomes.push(outcome));
    (await master.requests.next()).connection.answer(202);
    expect(await outcomes.next()).toEqual({ kind: "accepted" });
    await subject.link.close();
  });

  test("an authority that is not trusted is told, and nothing is sent", async () => {
    const { master } = await tlsMaster();
    const subject = links.subject([master.url]);
    expect(await subject.disconnected()).toMatch(/^the certificate of .* is not accepted: .*--master-ca/);
    expect(master.requests.all).toEqual([]);
  });

  test("a redirection never leads from TLS to plain text", async () => {
    const { master, tlsCa } = await tlsMaster();
    const subject = links.subject([master.url], { tlsCa });
    (await master.requests.next()).connection.answer(307, "", { Location: `http://${links.master.host}/` });
    expect(await subject.disconnected()).toBe("a redirection without a usable Location");
    expect(links.master.connections.all).toEqual([]);
  });

  test("plain HTTP where TLS is expected, and the other way round", async () => {
    const { master } = await tlsMaster();
    const plain = links.subject([new URL(`https://${links.master.host}`)]);
    (await links.master.connections.next()).write("HTTP/1.1 400 Bad Request\r\n\r\n");
    expect(await plain.disconnected()).toMatch(/does not speak TLS/);
    const secure = links.subject([new URL(`http://${master.host}`)]);
    expect(await secure.disconnected()).toMatch(/^(the connection to .* broke|.* does not speak HTTP)/);
  });
});
