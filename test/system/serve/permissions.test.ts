import { chmod, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { type Bridge, startBridge } from "../../support/bridge.js";
import { BridgeClient } from "../../support/bridgeClient.js";
import { cleanupAfterAll } from "../../support/cleanup.js";
import { eventually } from "../../support/eventually.js";
import { TestAuthority } from "../../support/testAuthority.js";

const NO_MASTER = "127.0.0.1:1";
const cleanup = cleanupAfterAll();
let dir: string;

beforeAll(async () => {
  dir = await cleanup.tempDir();
});

const OBSERVE = `[[rule]]
identities = ["unix:*"]
allow = ["observe"]
frameworks = ["*"]
`;

async function permissionsFile(name: string, text: string, mode = 0o600): Promise<string> {
  const path = join(dir, name);
  await writeFile(path, text);
  await chmod(path, mode);
  return path;
}

/** Of the one line with which the bridge refuses to start. */
async function refusal(...flags: string[]): Promise<string> {
  const failure = await startBridge({ master: NO_MASTER, flags }).then(
    async (bridge) => {
      await bridge.stop();
      return "it started";
    },
    (error: Error) => error.message,
  );
  return failure;
}

describe("serve --permissions", () => {
  test("is refused without authentication, in words", async () => {
    expect(await refusal("--permissions", await permissionsFile("a", OBSERVE))).toMatch(
      /^mesos-bridge: --permissions: the bridge can't tell who its clients are, .* add --tls-client-ca, --client-tokens or --jwks, or listen on a unix socket/m,
    );
  });

  test("is needed with authentication, since nothing would be allowed", async () => {
    const authority = cleanup.use(new TestAuthority());
    const { cert, key } = authority.issue();
    expect(await refusal("--tls-cert", cert, "--tls-key", key, "--tls-client-ca", authority.cert)).toMatch(
      /^mesos-bridge: clients are authenticated, and without --permissions nothing is allowed to any of them: add --permissions/m,
    );
  });

  test("names the line and the key of what is wrong in the file", async () => {
    const broken = await permissionsFile("broken", OBSERVE.replace("allow", "alow"));
    const words = await refusal("--listen", `unix:${join(dir, "s0")}`, "--permissions", broken);
    expect(words).toContain(`--permissions: ${broken}: line 3: rule 1: alow is not known: did you mean 'allow'?`);
  });

  test("names a file that is not there", async () => {
    const missing = join(dir, "missing");
    const words = await refusal("--listen", `unix:${join(dir, "s1")}`, "--permissions", missing);
    expect(words).toContain(`--permissions: ${missing} can't be read: there is no such file`);
  });

  describe("on a unix socket", () => {
    let bridge: Bridge;
    let client: BridgeClient;
    let path: string;
    let audit: string;
    beforeAll(async () => {
      path = await permissionsFile("open", OBSERVE, 0o646);
      const socket = `unix:${join(dir, "s2")}`;
      audit = join(dir, "audit.log");
      bridge = cleanup.use(
        await startBridge({
          master: NO_MASTER,
          flags: ["--listen", socket, "--permissions", path, "--audit-log", audit],
        }),
      );
      client = cleanup.use(new BridgeClient(socket));
    });

    test("allows what its rules allow, and nothing else", async () => {
      expect((await client.call("listFrameworks", {})).code).toBe("OK");
      const header = { frameworkName: "f", attachmentId: "a", requestId: "" };
      const killed = await client.call("killTask", { header, taskId: { value: "t" } });
      expect(killed).toMatchObject({ code: "PERMISSION_DENIED", reason: "PERMISSION_DENIED" });
    });

    test("warns of a file that others can read and change", () => {
      expect(bridge.log()).toContain(`other users of this machine can change ${path}`);
      expect(bridge.log()).toContain(`every user of this machine can read ${path}`);
    });

    test("is read again when it changes", async () => {
      await writeFile(path, "rule = []");
      await eventually(async () => (await client.call("listFrameworks", {})).code === "PERMISSION_DENIED");
    });

    test("leaves refusals and changes of the rules in --audit-log", async () => {
      const lines = await eventually(async () => {
        const events = (await readFile(audit, "utf8"))
          .trim()
          .split("\n")
          .map((line) => JSON.parse(line) as object);
        return events.length > 1 && events;
      });
      const identity = `unix:${join(dir, "s2")}`;
      expect(lines).toContainEqual(
        expect.objectContaining({ event: "refusal", identity, reason: "PERMISSION_DENIED" }),
      );
      expect(lines).toContainEqual(expect.objectContaining({ event: "permissions", rules: 0 }));
    });
  });
});
