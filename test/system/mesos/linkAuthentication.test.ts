import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, statSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createSecureContext } from "node:tls";
import { describe, expect, test } from "vitest";
import {
  type Authentication,
  basicAuthentication,
  bearerAuthentication,
} from "../../../server/mesos/link/authentication.js";
import type { CallOutcome } from "../../../server/mesos/link/callOutcome.js";
import { connectWith } from "../../../server/mesos/link/openSocket.js";
import { plainTls } from "../../../server/mesos/tls/clientTls.js";
import { Secrets } from "../../../wire/secrets.js";
import { Arrivals } from "../../support/arrivals.js";
import { eventually } from "../../support/eventually.js";
import { FakeMaster } from "../../support/fakeMaster.js";
import { kernelTellsTimers, probedInMs } from "../../support/keepalive.js";
import { outgoingCall } from "../../support/outgoingCall.js";
import { LinkTests } from "../../unit/mesos/linkTests.js";

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
    subject.link.send(outgoingCall("call"), () => {});
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

  const never = { initialMs: 3_600_000, maxMs: 3_600_000, random: () => 1 };

  /** Replaces a file, and waits until `authentication` has seen it. */
  async function replace(authentication: Authentication, path: string, text: string): Promise<void> {
    const seen = new Arrivals<string>();
    links.cleanup.defer(authentication.onChanged((header) => seen.push(header)));
    writeFileSync(path, text);
    await seen.next({ what: "the change of the file" });
  }

  test("a token that changes while SUBSCRIBE waits for its answer is used for the calls", async () => {
    const path = secretFile("first");
    const authentication = bearerAuthentication(path);
    const subject = with_(authentication);
    const { connection, headers } = await links.master.requests.next();
    expect(headers.get("authorization")).toBe("Bearer first");
    await replace(authentication, path, "second");
    connection.openStream();
    connection.subscribed();
    await subject.connected();
    subject.link.send(outgoingCall("call"), () => {});
    expect((await links.master.requests.next()).headers.get("authorization")).toBe("Bearer second");
  });

  test("a SUBSCRIBE that is refused for a token which was replaced meanwhile is made again at once", async () => {
    const path = secretFile("first");
    const authentication = bearerAuthentication(path);
    const subject = links.subject([links.master.url], { authentication, backoff: never });
    const { connection } = await links.master.requests.next();
    await replace(authentication, path, "second");
    connection.answer(401, "Unauthorized");
    expect((await links.master.subscription()).headers.get("authorization")).toBe("Bearer second");
    expect(await subject.disconnected()).toMatch(/\(401\)/);
  });

  test("a token that changes between the opening of the two connections is used for the calls that wait", async () => {
    const path = secretFile("first");
    const authentication = bearerAuthentication(path);
    const subject = with_(authentication);
    await links.master.subscription();
    await subject.connected();
    expect(subject.credentialsReplaced).toBe(0);
    await replace(authentication, path, "second");
    expect(subject.credentialsReplaced).toBe(1);
    subject.link.send(outgoingCall("call"), () => {});
    expect((await links.master.requests.next()).headers.get("authorization")).toBe("Bearer second");
  });

  test("a call that is refused for its credentials makes the link look at them again", async () => {
    let token = "first";
    const subject = with_({
      header: async () => `Bearer ${token}`,
      // Nobody tells of the change.
      onChanged: () => () => {},
      secrets: new Secrets(),
      principal: undefined,
    });
    await links.master.subscription();
    await subject.connected();
    token = "second";
    const outcomes = new Arrivals<CallOutcome>();
    const call = async () => {
      subject.link.send(outgoingCall("call"), (outcome) => outcomes.push(outcome));
      return links.master.requests.next();
    };
    (await call()).connection.answer(401, "Unauthorized");
    expect(await outcomes.next()).toMatchObject({ kind: "refused", cause: "unauthorized" });
    expect((await call()).headers.get("authorization")).toBe("Bearer second");
  });

  test("a file that can't be read for a moment is used as soon as it can, though it is the same again", async () => {
    const path = secretFile("token");
    const authentication = bearerAuthentication(path);
    const subject = links.subject([links.master.url], { authentication, backoff: never });
    const { connection } = await links.master.subscription();
    await subject.connected();
    rmSync(path);
    connection.endStream();
    expect(await subject.disconnected()).toBe("the master ended the subscription");
    authentication.header().catch(() => {});
    // The wait after the break is over when the file is seen again; calls of a subscription need no file.
    await new Promise((resolve) => setTimeout(resolve, 600));
    writeFileSync(path, "token");
    expect((await links.master.subscription()).headers.get("authorization")).toBe("Bearer token");
  });

  test("calls go on with the last token while its file can't be read", async () => {
    const path = secretFile("token");
    const subject = with_(bearerAuthentication(path));
    await links.master.subscription();
    await subject.connected();
    rmSync(path);
    for (let i = 0; i < 2; i++) {
      subject.link.send(outgoingCall("call"), () => {});
      const { connection, headers } = await links.master.requests.next();
      expect(headers.get("authorization")).toBe("Bearer token");
      connection.answer(401, "Unauthorized");
    }
  });

  test("a token that is replaced by one of the same length at the same time is seen", async () => {
    const path = secretFile("first");
    const { atime, mtime } = statSync(path);
    utimesSync(path, atime, mtime);
    const authentication = bearerAuthentication(path);
    expect(await authentication.header()).toBe("Bearer first");
    writeFileSync(path, "other");
    utimesSync(path, atime, mtime);
    expect(await authentication.header()).toBe("Bearer other");
  });

  test("looks at a file that overlap give what it holds after each was asked for", async () => {
    const path = secretFile("0");
    const authentication = bearerAuthentication(path);
    const looks: Promise<string | undefined>[] = [];
    for (let i = 1; i <= 20; i++) {
      writeFileSync(path, String(i));
      looks.push(authentication.header());
    }
    expect((await Promise.all(looks)).at(-1)).toBe("Bearer 20");
    expect(await authentication.header()).toBe("Bearer 20");
  });

  test("a file that is far too large is not read", async () => {
    const authentication = bearerAuthentication(secretFile("x".repeat(70_000)));
    await expect(authentication.header()).rejects.toThrow(/secret holds more than 65536 bytes$/);
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
    const subject = links.subject([master.url], {
      connect: connectWith({ ...plainTls, context: createSecureContext({ ca: tlsCa }) }),
    });
    await master.subscription();
    await subject.connected();
    const outcomes = new Arrivals<CallOutcome>();
    subject.link.send(outgoingCall("call"), (outcome) => outcomes.push(outcome));
    const { connection } = await master.requests.next();
    connection.answer(202);
    expect(await outcomes.next()).toEqual({ kind: "accepted" });
    if (kernelTellsTimers) await eventually(() => (probedInMs(connection.socket) ?? Infinity) <= 10_000);
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
    const subject = links.subject([master.url], {
      connect: connectWith({ ...plainTls, context: createSecureContext({ ca: tlsCa }) }),
    });
    (await master.requests.next()).connection.answer(307, "", { Location: `http://${links.master.host}/` });
    expect(await subject.disconnected()).toBe("a redirect without a usable Location");
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
