import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { type ExecutorExit, runExecutor } from "../../../executor/library/runExecutor.js";
import { TaskState } from "../../../gen/mesos/v1/mesos.js";
import { FakeAgent } from "../../unit/executor/fakeAgent.js";

let folder: string;
let agent: FakeAgent;
let stop: AbortController;
let lines: string[];
let noted: () => void;
let line: Promise<void>;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "executor-tls-"));
  const subject = ["-subj", "/CN=agent", "-addext", "subjectAltName=IP:127.0.0.1", "-days", "2", "-nodes"];
  const files = ["-keyout", join(folder, "key.pem"), "-out", join(folder, "cert.pem")];
  execFileSync(process.env.OPENSSL ?? "openssl", ["req", "-x509", "-newkey", "rsa:2048", ...files, ...subject], {
    stdio: "ignore",
  });
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

beforeEach(async () => {
  const [key, cert] = [readFileSync(join(folder, "key.pem")), readFileSync(join(folder, "cert.pem"))];
  agent = await FakeAgent.start(0, { key, cert });
  stop = new AbortController();
  lines = [];
  line = new Promise((resolve) => {
    noted = resolve;
  });
});

afterEach(async () => {
  await agent.stop();
});

function start(env: NodeJS.ProcessEnv): Promise<ExecutorExit> {
  const log = (text: string) => {
    lines.push(text);
    noted();
  };
  const launch = async () => {};
  return runExecutor({
    launch,
    log,
    signal: stop.signal,
    env: agent.environment({ LIBPROCESS_SSL_ENABLED: "1", ...env }),
  });
}

describe("an agent that speaks TLS", () => {
  it.each([
    [
      "checked against a CA",
      () => ({ LIBPROCESS_SSL_VERIFY_SERVER_CERT: "1", LIBPROCESS_SSL_CA_FILE: join(folder, "cert.pem") }),
    ],
    ["unchecked, as Mesos does by default", () => ({})],
  ])("is spoken to, %s", async (_name, env) => {
    const exit = start(env());
    const stream = await agent.subscriptions.next();
    stream.subscribed();
    stream.launch("a");
    await agent.update(TaskState.TASK_FINISHED);
    stop.abort();
    expect(await exit).toMatchObject({ reason: "stopped", unacknowledged: 0 });
  });

  it("is not spoken to when it can't be verified", async () => {
    const exit = start({ LIBPROCESS_SSL_VERIFY_SERVER_CERT: "1" });
    await line;
    expect(lines[0]).toMatch(/^not subscribed yet: self-signed certificate/);
    stop.abort();
    await exit;
    expect(agent.calls).toEqual([]);
  });
});
