import { cpSync, mkdirSync, readdirSync } from "node:fs";
import { basename, join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { startProcess } from "../support/childProcess.js";
import { cleanupAfterAll } from "../support/cleanup.js";
import { describeBridge } from "../support/describeBridge.js";
import { at } from "../support/paths.js";
import { buildCommand, buildImage, copyGoClient, type Edit, edit } from "./compatibility/goClient.js";
import { execute, succeed } from "./execute.js";

/** Compilers with nothing in their caches. */
const COLD_MS = 600_000;

/** Runs empty tasks with a client against the bridge of today. */
function testEmptyTasks(name: string, program: () => string): void {
  describeBridge(name, { on: "embedded" }, (suite) => {
    it("runs empty tasks", async () => {
      const { bridge, cleanup } = suite();
      const args = ["--bridge", bridge.address, "--framework-name", "compatibility", "--tasks", "12"];
      const running = cleanup.use(await startProcess({ command: program(), args }));
      const { code } = await running.exited;
      expect(running.log()).toContain("12 of 12 finished, 0 failed");
      expect(code).toBe(0);
    });
  });
}

/** A scheduler that an older API has all for. The libraries of today use more. */
const OLDER = at("test/languages/compatibility/older.go");

const fixtures = at("test/fixtures/older-api");
const images = readdirSync(fixtures).filter((name) => name.endsWith(".binpb"));

describe("clients of an older API", () => {
  const cleanup = cleanupAfterAll();

  it("are tested", () => expect(images.length).toBeGreaterThan(0));

  for (const image of images) {
    let program = "";
    const name = `a client in Go with the API of ${basename(image, ".binpb")}`;
    describe(name, () => {
      beforeAll(async () => {
        const client = await copyGoClient(await cleanup.tempDir(), join(fixtures, image), []);
        program = await buildCommand(client, "older", OLDER);
      }, COLD_MS);
      testEmptyTasks(name, () => program);
    });
  }
});

/** The commit before the one that changed the protos last; none in a shallow clone, or without git. */
async function commitBefore(): Promise<string | undefined> {
  const last = await execute("git", ["rev-list", "-1", "HEAD", "--", "proto"]);
  const before = await execute("git", ["rev-parse", "--quiet", "--verify", `${last.stdout.trim()}~1^{commit}`]);
  return last.status === 0 && before.status === 0 ? before.stdout.trim() : undefined;
}

const before = await commitBefore();
if (before === undefined) console.error("!!! NOT TESTED: the API before its last change needs git's history");

describe.skipIf(before === undefined)("a client of the API before its last change", () => {
  const cleanup = cleanupAfterAll();
  let program = "";
  beforeAll(async () => {
    const folder = await cleanup.tempDir();
    await succeed("sh", ["-ec", `git archive ${before} buf.yaml proto | tar -x -C ${folder}`]);
    const image = join(folder, "image.binpb");
    await buildImage(folder, image);
    program = await buildCommand(await copyGoClient(folder, image, []), "older", OLDER);
  }, COLD_MS);
  testEmptyTasks("a client in Go with the API before its last change", () => program);
});

/** An API with one more of everything that may be added without breaking anyone. */
const NEW_API: readonly Edit[] = [
  {
    file: "proto/mesosbridge/v1/scheduler.proto",
    find: /^ {2}rpc Call\(CallRequest\)/m,
    by: "  rpc FromTheFuture(FromTheFutureRequest) returns (FromTheFutureResponse);\n  rpc Call(CallRequest)",
  },
  {
    file: "proto/mesosbridge/v1/scheduler.proto",
    find: /$(?![\s\S])/,
    by: "\nmessage FromTheFutureRequest { string text = 1; }\nmessage FromTheFutureResponse { string text = 1; }\n",
  },
  ...["SubscribeRequest", "CallHeader", "SessionEvent", "Opened", "Progress"].map((message) => ({
    file: "proto/mesosbridge/v1/scheduler.proto",
    find: new RegExp(`^message ${message} \\{`, "m"),
    by: `message ${message} {\n  string from_the_future = 900;`,
  })),
  {
    file: "proto/mesosbridge/v1/scheduler.proto",
    find: /^ {2}oneof event \{/m,
    by: "  oneof event {\n    FromTheFutureResponse future_event = 901;",
  },
  {
    file: "proto/mesosbridge/v1/scheduler.proto",
    find: /^ {2}EXPIRY_POLICY_TEARDOWN = 2;/m,
    by: "  EXPIRY_POLICY_TEARDOWN = 2;\n  EXPIRY_POLICY_FROM_THE_FUTURE = 900;",
  },
  {
    file: "proto/mesos/v1/mesos.proto",
    find: /^message TaskInfo \{/m,
    by: "message TaskInfo {\n  optional string from_the_future = 900;",
  },
];

/** The Go client that uses it. */
const NEW_CLIENT: readonly Edit[] = [
  {
    file: "mesosbridge/options.go",
    find: /&pb\.SubscribeRequest\{/,
    by: '&pb.SubscribeRequest{FromTheFuture: "new",',
  },
  { file: "mesosbridge/calls.go", find: /&pb\.CallHeader\{/g, by: '&pb.CallHeader{FromTheFuture: "new", ' },
  {
    file: "cmd/empty-tasks/tasks.go",
    find: /&mesos\.TaskInfo\{/,
    by: '&mesos.TaskInfo{FromTheFuture: proto.String("new"),',
  },
];

describe("a client of a newer API", () => {
  const cleanup = cleanupAfterAll();
  let emptyTasks = "";
  let newer = "";
  beforeAll(async () => {
    const folder = await cleanup.tempDir();
    const api = join(folder, "api");
    mkdirSync(api);
    for (const input of ["buf.yaml", "proto"]) cpSync(at(input), join(api, input), { recursive: true });
    edit(api, NEW_API);
    const image = join(folder, "image.binpb");
    await buildImage(api, image);
    const client = await copyGoClient(folder, image, NEW_CLIENT);
    emptyTasks = await buildCommand(client, "empty-tasks");
    newer = await buildCommand(client, "newer", at("test/languages/compatibility/newer.go"));
  }, COLD_MS);

  testEmptyTasks("the Go client with a newer API", () => emptyTasks);

  describeBridge("what the bridge does not know yet", { on: "embedded" }, (suite) => {
    it("is refused, where it can't be ignored", async () => {
      const said = await succeed(newer, [suite().bridge.address], { timeoutMs: 30_000 });
      expect(said).toBe("method: Unimplemented\nenum value: InvalidArgument INVALID_FIELD\n");
    });
  });
});
