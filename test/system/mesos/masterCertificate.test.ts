import { chmod, readFile, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { TLSSocket } from "node:tls";
import { beforeAll, describe, expect, test } from "vitest";
import type { CallOutcome } from "../../../server/mesos/link/callOutcome.js";
import { connectWith, MASTER_TLS } from "../../../server/mesos/link/openSocket.js";
import { WatchedTls } from "../../../server/mesos/tls/clientTls.js";
import type { TlsFiles } from "../../../server/mesos/tls/tlsFiles.js";
import { Arrivals } from "../../support/arrivals.js";
import { type Authority, makeAuthority } from "../../support/certificates.js";
import { startProcess } from "../../support/childProcess.js";
import { cleanupAfterAll } from "../../support/cleanup.js";
import { eventually } from "../../support/eventually.js";
import { type FakeConnection, FakeMaster } from "../../support/fakeMaster.js";
import { freePort } from "../../support/freePort.js";
import { outgoingCall } from "../../support/outgoingCall.js";
import { LinkTests } from "../../unit/mesos/linkTests.js";

const links = new LinkTests();
const shared = cleanupAfterAll();
let directory: string;
let own: Authority;
let other: Authority;
beforeAll(async () => {
  directory = await shared.tempDir();
  own = await makeAuthority(directory, "own");
  other = await makeAuthority(directory, "other");
});

interface Pair {
  readonly cert: string;
  readonly key: string;
}

/** Files of a client's certificate, which can be replaced. */
async function clientFiles(pair: Pair) {
  const dir = await links.cleanup.tempDir();
  const files = { ca: own.file, cert: join(dir, "client.pem"), key: join(dir, "client.key") };
  const put = async (path: string, text: string) => {
    await writeFile(`${path}.new`, text, { mode: 0o600 });
    await rename(`${path}.new`, path);
  };
  const replace = async ({ cert, key }: Pair) => {
    await put(files.cert, cert);
    await put(files.key, key);
  };
  await replace(pair);
  return { files, replace, put };
}

const client = (name: string, by = own, expired = false) => by.issue(`DNS:${name}`, { commonName: name, expired });

async function watched(files: TlsFiles) {
  const lines: string[] = [];
  const note = (fields: object, message: string) => lines.push(`${message} ${JSON.stringify(fields)}`);
  const log = { debug: note, info: note, warn: note, error: note };
  const tls = await WatchedTls.open({ files, flags: MASTER_TLS, log });
  links.cleanup.defer(() => tls.close());
  return { tls, lines };
}

/** A master that takes only clients with a certificate of this authority. */
async function strictMaster(clients = own): Promise<FakeMaster> {
  const { key, cert } = await own.issue("IP:127.0.0.1");
  const tls = { key, cert, ca: await readFile(clients.file), requestCert: true, rejectUnauthorized: true };
  return links.cleanup.use(await FakeMaster.start({ tls }));
}

function nameOf({ socket }: FakeConnection): unknown {
  return socket instanceof TLSSocket ? socket.getPeerCertificate().subject.CN : undefined;
}

describe("a master that wants a client certificate", () => {
  test("is shown one on both connections, and from the next connection on a replaced one", async () => {
    const master = await strictMaster();
    const { files, replace } = await clientFiles(await client("first"));
    const { tls, lines } = await watched(files);
    const subject = links.subject([master.url], { connect: connectWith(tls), tls });
    const subscription = await master.subscription();
    await subject.connected();
    const outcomes = new Arrivals<CallOutcome>();
    const call = async () => {
      subject.link.send(outgoingCall("call"), (outcome) => outcomes.push(outcome));
      const request = await master.requests.next();
      request.connection.answer(202);
      expect(await outcomes.next()).toEqual({ kind: "accepted" });
      return request.connection;
    };
    const calls = await call();
    expect([nameOf(subscription.connection), nameOf(calls)]).toEqual(["first", "first"]);

    await replace(await client("second"));
    await eventually(() => lines.some((line) => line.startsWith("the certificate of --master-cert was read again")));
    // What stands goes on.
    expect(nameOf(await call())).toBe("first");
    subscription.connection.endStream();
    const next = await master.subscription();
    await subject.disconnected();
    await subject.connected();
    expect([nameOf(next.connection), nameOf(await call())]).toEqual(["second", "second"]);
    await subject.link.close();
  });

  test("is shown one too where another master's redirect leads to it", async () => {
    const [standby, leader] = [await strictMaster(), await strictMaster()];
    const { tls } = await watched((await clientFiles(await client("bridge"))).files);
    const subject = links.subject([standby.url], { connect: connectWith(tls), tls });
    const asked = await standby.requests.next();
    expect(nameOf(asked.connection)).toBe("bridge");
    asked.connection.answer(307, "", { Location: `//${leader.host}/` });
    const { connection } = await leader.subscription();
    await subject.connected();
    expect(nameOf(connection)).toBe("bridge");
    await subject.link.close();
  });

  test("and gets none: the link says which options give one", async () => {
    const master = await strictMaster();
    const { tls } = await watched({ ca: own.file, cert: undefined, key: undefined });
    const subject = links.subject([master.url], { connect: connectWith(tls), tls });
    expect(await subject.disconnected()).toMatch(
      /^127\.0\.0\.1:\d+ wants a client certificate: give one with --master-cert and --master-key \(ERR_SSL_/,
    );
    expect(master.requests.all).toEqual([]);
  });

  test("and closes the connection without a word: the link says what that may mean", async () => {
    const master = await strictMaster(other);
    const { tls } = await watched((await clientFiles(await client("ours"))).files);
    const subject = links.subject([master.url], { connect: connectWith(tls), tls });
    expect(await subject.disconnected()).toMatch(
      /^the connection to \S+ broke before it answered: a master that wants a client certificate, or another one,/,
    );
  });

  test("and gets one that it accepts: the link tries that at once", async () => {
    const master = await strictMaster();
    const { files, replace } = await clientFiles(await client("stranger", other));
    const { tls } = await watched(files);
    const backoff = { initialMs: 3_600_000, maxMs: 3_600_000, random: () => 1 };
    const subject = links.subject([master.url], { connect: connectWith(tls), tls, backoff });
    await subject.disconnected();
    await replace(await client("known"));
    expect(nameOf((await master.subscription()).connection)).toBe("known");
    await subject.connected();
    await subject.link.close();
  });

  /** OpenSSL's own server, which says by an alert what it has against a certificate, as libprocess does. */
  async function opensslServer(clients: Authority, ...more: string[]): Promise<URL> {
    const port = await freePort();
    const { files } = await clientFiles(await own.issue("IP:127.0.0.1"));
    const identity = ["-cert", files.cert, "-key", files.key, "-CAfile", clients.file];
    const args = [
      "s_server",
      "-accept",
      `127.0.0.1:${port}`,
      ...identity,
      "-Verify",
      "2",
      "-verify_return_error",
      "-www",
      ...more,
    ];
    const server = await startProcess({ command: "openssl", args, ready: /ACCEPT/ });
    links.cleanup.defer(() => server.kill());
    return new URL(`https://127.0.0.1:${port}`);
  }

  test.each(["-tls1_3", "-tls1_2"])(
    "and does not accept the one that it gets: the link says why (%s)",
    async (version) => {
      const { tls } = await watched((await clientFiles(await client("stranger", other))).files);
      const subject = links.subject([await opensslServer(own, version)], { connect: connectWith(tls), tls });
      expect(await subject.disconnected()).toMatch(
        /^\S+ does not accept the bridge's client certificate \(--master-cert\): it does not trust its authority/,
      );
    },
  );

  test.each(["-tls1_3", "-tls1_2"])("and gets none, by an alert (%s)", async (version) => {
    const { tls } = await watched({ ca: own.file, cert: undefined, key: undefined });
    const subject = links.subject([await opensslServer(own, version)], { connect: connectWith(tls), tls });
    expect(await subject.disconnected()).toMatch(/want[s]? a client certificate[: (].*--master-cert and --master-key/);
  });
});

describe("files that can't be used are told at the start", () => {
  const cases: [string, () => Promise<Partial<TlsFiles> | { texts: Partial<Pair> }>, RegExp][] = [
    [
      "missing",
      async () => ({ cert: "/nowhere.pem" }),
      /^--master-cert: \/nowhere\.pem can't be read: there is no such file/,
    ],
    [
      "a missing authority",
      async () => ({ ca: "/nowhere.pem" }),
      /^--master-ca: \/nowhere\.pem can't be read: there is no such file/,
    ],
    ["no PEM", async () => ({ texts: { cert: "x" } }), /^--master-cert: \S+ holds no certificate in PEM: give a file/],
    [
      "no PEM key",
      async () => ({ texts: { key: "x" } }),
      /^--master-key: \S+ holds no private key in PEM: give a file/,
    ],
    [
      "swapped",
      async () => {
        const { cert, key } = await client("a");
        return { texts: { cert: key, key: cert } };
      },
      /^--master-cert: \S+ holds a key and no certificate: give a file/,
    ],
    [
      "the key of another",
      async () => ({ texts: { key: (await client("b")).key } }),
      /^--master-key: the key in \S+ does not belong to the certificate in \S+ \(--master-cert\): give/,
    ],
    [
      "another certificate first",
      async () => {
        const { cert, key } = await client("a");
        return { texts: { cert: `${await readFile(own.file, "utf8")}${cert}`, key } };
      },
      /^--master-cert: the key belongs to certificate 2 in \S+: write that one first/,
    ],
    [
      "expired",
      async () => {
        const { key, cert } = await client("a", own, true);
        return { texts: { key, cert } };
      },
      /^--master-cert: the certificate in \S+ has expired on .* GMT: renew it$/,
    ],
    [
      "a damaged certificate",
      async () => ({ texts: { cert: (await client("a")).cert.replace(/[A-Za-z0-9]{20}/, "A".repeat(20)) } }),
      /^--master-cert: \S+ holds a certificate that is damaged or not whole: write the file again$/,
    ],
    [
      "a damaged key",
      async () => ({ texts: { key: (await client("a")).key.replace(/[A-Za-z0-9]{30}/, "A".repeat(30)) } }),
      /^--master-key: the key in \S+ is damaged or not whole: write the file again$/,
    ],
    [
      "an encrypted key",
      async () => ({ texts: { key: "-----BEGIN ENCRYPTED PRIVATE KEY-----\nx\n-----END ENCRYPTED PRIVATE KEY-----" } }),
      /^--master-key: the key in \S+ is encrypted: write it without a password/,
    ],
  ];

  test.each(cases)("%s", async (_, make, message) => {
    const { files, put } = await clientFiles(await client("good"));
    const made = await make();
    const texts = "texts" in made ? made.texts : {};
    for (const [part, text] of Object.entries(texts)) await put(files[part as keyof Pair], text);
    const opening = watched({ ...files, ...("texts" in made ? {} : made) });
    const error = await opening.then(
      () => new Error("it opens"),
      (error: Error) => error,
    );
    expect(error.message).toMatch(message);
    expect(error.message).not.toContain("\n");
  });

  test("a certificate that is not valid yet", async () => {
    const { files } = await clientFiles(await client("early"));
    const clock = { wallTime: () => Date.now() - 2 * 86_400_000 } as never;
    const log = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };
    await expect(WatchedTls.open({ files, flags: MASTER_TLS, log, clock })).rejects.toThrow(
      /^--master-cert: the certificate in \S+ is valid from .*: check this machine's clock$/,
    );
  });
});

test("files that are replaced by bad ones are told, and the former ones stay in use", async () => {
  const { files, replace, put } = await clientFiles(await client("first"));
  const { tls, lines } = await watched(files);
  const { context } = tls;
  let changes = 0;
  tls.onChanged(() => changes++);
  await put(files.key, (await client("second")).key);
  await eventually(() => lines.some((line) => line.includes("can't be used as it is now")));
  expect(lines.filter((line) => line.includes("does not belong to the certificate"))).toHaveLength(1);
  expect([tls.context, changes]).toEqual([context, 0]);
  await replace(await client("third"));
  await eventually(() => changes > 0);
  expect(tls.context).not.toBe(context);
});

test("a key that every user can read is told", async () => {
  const { files } = await clientFiles(await client("a"));
  expect((await watched(files)).lines).toEqual([]);
  await chmod(files.key, 0o644);
  expect((await watched(files)).lines.join()).toMatch(
    /^every user of this machine can read \S+client\.key: take that right away/,
  );
});
