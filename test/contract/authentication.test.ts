import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { Cleanup } from "../support/cleanup.js";
import { describeEachMesos } from "../support/cluster.js";
import { codecs } from "../support/codec.js";
import { diagnose } from "../support/doctor.js";
import { send } from "../support/http.js";
import { frameworkInfo } from "../support/messages.js";
import { MesosScheduler } from "../support/scheduler.js";

const credentials = { alice: "secret of alice", bob: "secret of bob" };
const basic = (principal: string, secret: string) => ({
  Authorization: `Basic ${Buffer.from(`${principal}:${secret}`).toString("base64")}`,
});

/** HTTP basic authentication of frameworks. */
describeEachMesos("authentication of frameworks", { credentials }, (mesos) => {
  const cleanup = new Cleanup();
  afterAll(() => cleanup.run());
  const newScheduler = (headers: Record<string, string>, codec = codecs[0]) =>
    cleanup.use(new MesosScheduler({ ...mesos(), ...(codec && { codec }), headers }));
  const quiet = { suppressedRoles: ["*"] };

  test.each([
    ["no credentials", {}],
    ["a wrong secret", basic("alice", "guess")],
    ["an unknown principal", basic("mallory", "x")],
    ["another scheme", { Authorization: "Bearer x" }],
    ["no base64", { Authorization: "Basic %%%" }],
  ])("%s", async (_, headers) => {
    const answer = await send(`${mesos().master}/api/v1/scheduler`, { headers });
    expect(answer.status).toBe(401);
    expect(answer.headers["www-authenticate"]).toBe('Basic realm="mesos-master-scheduler"');
  });

  describe.each(codecs)("as $name", (codec) => {
    test("the right credentials are taken", async () => {
      const scheduler = newScheduler(basic("alice", credentials.alice), codec);
      await scheduler.subscribe(frameworkInfo({ principal: "alice" }), quiet);
      await scheduler.send("SUPPRESS");
      await scheduler.send("TEARDOWN");
      await scheduler.stream.ended;
    });

    test("a framework need not name its principal", async () => {
      const scheduler = newScheduler(basic("alice", credentials.alice), codec);
      await scheduler.subscribe(frameworkInfo(), quiet);
      await scheduler.send("SUPPRESS");
    });

    test("a framework of another principal is refused", async () => {
      const scheduler = newScheduler(basic("alice", credentials.alice), codec);
      const subscribed = scheduler.open(frameworkInfo({ principal: "bob" }), quiet);
      await expect(subscribed).rejects.toThrow(
        "Authenticated principal 'alice' does not match principal 'bob' set in `FrameworkInfo`",
      );
    });

    test("nobody else may call for a framework", async () => {
      const scheduler = newScheduler(basic("alice", credentials.alice), codec);
      await scheduler.subscribe(frameworkInfo({ principal: "alice" }), quiet);
      const answer = await scheduler.call("SUPPRESS", {}, basic("bob", credentials.bob));
      expect(answer.status).toBe(400);
      expect(answer.text).toBe("Authenticated principal 'bob' does not match principal 'alice' set in `FrameworkInfo`");
      expect((await scheduler.call("SUPPRESS", {}, { Authorization: "" })).status).toBe(401);
      await scheduler.send("SUPPRESS");
    });
  });

  /** On a real master its words, and the order of its checks, are Mesos's own. */
  describe("the doctor", () => {
    const master = () => mesos().master;
    const diagnosed = async (at: string, secret: string) => {
      const dir = await cleanup.tempDir();
      const secretFile = join(dir, "secret");
      await writeFile(secretFile, secret, { mode: 0o600 });
      return diagnose({ master: at, dataDir: join(dir, "data"), principal: "alice", secretFile });
    };

    test("finds nothing wrong with the right credentials", async () => {
      const { check, text } = await diagnosed(master(), credentials.alice);
      expect(check).toBe("");
      expect(text).toMatch(/ok +Mesos +\S+ is Mesos 1\.11\.0\n/);
      expect(text).toMatch(/ok +leader +\S+ leads\n/);
    });

    test("names a wrong secret", async () => {
      expect(await diagnosed(master(), "guess")).toMatchObject({ check: "credentials", status: "fail" });
    });

    test("names the port of an agent that has it for itself", async () => {
      const { text } = await send(`${master()}/slaves`, { method: "GET" });
      const [, port] = /"pid": ?"[^"]*:(\d+)"/.exec(text) ?? [];
      const { cause } = await diagnosed(`127.0.0.1:${port}`, credentials.alice);
      // The real one runs in the master's process.
      if (mesos().kind === "real") expect(cause).toBe("");
      else expect(cause).toContain("but not a master: it is the port of an agent");
    });
  });
});
