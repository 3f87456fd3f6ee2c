import { spawn } from "node:child_process";
import { readFile } from "node:fs/promises";
import { expect, test } from "vitest";
import { ids } from "../../support/bridgeScheduler.js";
import { startProcess } from "../../support/childProcess.js";
import { describeBridge } from "../../support/describeBridge.js";
import { within } from "../../support/eventually.js";
import { grpcurl, grpcurlMissing, toolsDir } from "../../support/grpcurl.js";
import { at } from "../../support/paths.js";

const cluster = { agents: 1, resources: "cpus:4;mem:2048;disk:1000" };
const service = "mesosbridge.v1.SchedulerService";
const observer = "mesosbridge.v1.ObserverService";

/** A client that nobody here wrote, and that knows of the API only what the bridge tells it. */
describeBridge("grpcurl on the bridge", cluster, (suite) => {
  test("is installed", () => expect(grpcurlMissing()).toBeUndefined());

  test("lists the services", async () => {
    const { status, stdout, stderr } = await grpcurl([suite().bridge.address, "list"]);
    expect(status, stderr).toBe(0);
    expect(stdout.trim().split("\n").toSorted()).toEqual([
      "grpc.channelz.v1.Channelz",
      "grpc.health.v1.Health",
      "mesosbridge.v1.AdminService",
      observer,
      service,
    ]);
  });

  test.each([
    [service, /rpc Subscribe \( \.mesosbridge\.v1\.SubscribeRequest \) returns \( stream /],
    [`${service}.LaunchTasks`, /Launches tasks on offers of one agent/],
    [observer, /rpc WatchEvents/],
    ["mesosbridge.v1.SessionEvent", /oneof event/],
    ["mesos.v1.Offer", /required \.mesos\.v1\.OfferID id = 1/],
    ["mesos.v1.CommandInfo", /optional bool shell = 6 \[default = true\]/],
    ["mesos.v1.scheduler.Call", /enum Type/],
    ["google.rpc.ErrorInfo", /string reason = 1/],
    ["grpc.health.v1.Health", /rpc Watch/],
  ])("describes %s", async (name, expected) => {
    const { status, stdout, stderr } = await grpcurl([suite().bridge.address, "describe", name]);
    expect(status, stderr).toBe(0);
    expect(stdout).toMatch(expected);
  });

  test.each(["", service, observer])("health of '%s'", async (name) => {
    const { stdout } = await grpcurl([suite().bridge.address, "grpc.health.v1.Health/Check"], { service: name });
    expect(JSON.parse(stdout)).toEqual({ status: "SERVING" });
  });

  test("errors are readable", async () => {
    const { bridge, attach } = suite();
    const scheduler = await attach();
    const offer = await scheduler.offer();
    await scheduler.ok("declineOffers", { offerIds: ids([offer]) });
    const { framework_name, attachment_id } = headerOf(scheduler);
    const gone = await grpcurl([bridge.address, `${service}/AcceptOffers`], {
      header: { framework_name, attachment_id },
      offer_ids: [{ value: offer.id?.value }],
    });
    expect(gone.status).toBe(64 + 9);
    expect(gone.stderr).toContain("Code: FailedPrecondition");
    expect(gone.stderr).toContain('"reason": "OFFER_GONE"');
    expect(gone.stderr).toContain(`"offer_ids": "${offer.id?.value}"`);
    const wrong = await grpcurl([bridge.address, `${service}/KillTask`], { header: { framework_name, attachment_id } });
    expect(wrong.stderr).toContain('"field": "task_id"');
    // Binary details that grpcurl can't read would show as base64.
    expect(gone.stderr + wrong.stderr).not.toMatch(/@value|"value": "C/);
  });

  test("a field that there is not is told before anything is sent", async () => {
    const { status, stderr } = await grpcurl([suite().bridge.address, `${service}/Subscribe`], { framewrok_name: "x" });
    expect(status).not.toBe(0);
    expect(stderr).toContain("framewrok_name");
  });

  test("Subscribe shows Opened at once, and goes on when the client is killed", async () => {
    const { bridge, client, cleanup, attach } = suite();
    const name = "grpcurl-killed";
    const request = { framework_name: name, framework_info: { user: "root", name } };
    const args = ["-plaintext", "-d", JSON.stringify(request), bridge.address, `${service}/Subscribe`];
    const process = cleanup.use(
      await startProcess({ command: `${toolsDir}/grpcurl`, args, ready: /"attachmentId": "(\S+)"/ }),
    );
    await process.logged(/"OFFERS"/);
    const id = /"frameworkId": \{\s*"value": "(\S+)"/.exec(process.log())?.[1];
    await process.kill();
    const again = await attach({ frameworkName: name, frameworkInfo: undefined });
    expect(again.frameworkId).toBe(id);
    const { response } = await client.call("listFrameworks", { pageSize: 1000 });
    expect(response?.frameworks.map(({ frameworkName }) => frameworkName)).toContain(name);
  });

  test("the commands of docs/grpcurl.md work, pasted into one shell", async () => {
    const { bridge, cleanup } = suite();
    const page = await readFile(at("docs/grpcurl.md"), "utf8");
    const blocks = [...page.matchAll(/^```sh\n(.*?)^```$/gms)].map(([, block = ""]) => block);
    expect(blocks.length).toBeGreaterThan(7);
    const outputs = await paste(
      blocks.map((block) => block.replace("127.0.0.1:50051", bridge.address)),
      await cleanup.tempDir(),
    );
    const all = outputs.join("\n");
    expect(outputs[0]).toContain("SERVING");
    expect(outputs[0]).toContain("required .mesos.v1.TaskID task_id = 2;");
    expect(outputs[1]).toContain('"opened"');
    expect(outputs[2]).toMatch(/"header":\{"framework_name":"tour","attachment_id":"[0-9a-f-]{36}"\}/);
    expect(outputs[3]?.trim()).toBe("{}");
    expect(outputs[4]).toContain('"reason": "OFFER_GONE"');
    expect(outputs[5]?.match(/TASK_(STARTING|RUNNING|FINISHED)/g)).toEqual(
      expect.arrayContaining(["TASK_STARTING", "TASK_RUNNING", "TASK_FINISHED"]),
    );
    expect(outputs[5]).not.toContain("ERROR");
    expect(outputs[6]).toContain('"frameworkName": "tour"');
    expect(outputs[6]?.match(/"state": "TASK_FINISHED"/g)?.length).toBeGreaterThanOrEqual(2);
    const [, before, after] = /before: (\S+), after: (\S+)/.exec(all) ?? [];
    expect(before).toMatch(/^[0-9a-f-]{36}$/);
    expect(after).toBe(before);
    expect(all).toContain("the stream ended with status 0");
  });
});

const headerOf = ({ name, opened }: { name: string; opened: { attachmentId: string } }) => ({
  framework_name: name,
  attachment_id: opened.attachmentId,
});

/** Pastes blocks into one shell, and gives what each of them wrote. */
async function paste(blocks: readonly string[], cwd: string): Promise<string[]> {
  const env = { ...process.env, PATH: `${toolsDir}:${process.env.PATH}` };
  // A process group of its own, so that what it leaves in the background ends with it.
  const shell = spawn("bash", ["--norc", "-c", "exec 2>&1; exec bash --norc"], { cwd, env, detached: true });
  let output = "";
  for (const stream of [shell.stdout, shell.stderr]) {
    stream.setEncoding("utf8").on("data", (text: string) => {
      output += text;
    });
  }
  const ended = new Promise<void>((resolve) => shell.on("close", () => resolve()));
  try {
    for (const block of blocks) shell.stdin.write(`${block}\necho "=== end of block"\n`);
    shell.stdin.end();
    await within(ended, { timeoutMs: 45_000, what: "the end of the shell" });
  } catch (error) {
    throw new Error(`${(error as Error).message}\n${output}`, { cause: error });
  } finally {
    if (shell.pid !== undefined && shell.exitCode === null) process.kill(-shell.pid, "SIGKILL");
  }
  return output.split("=== end of block\n");
}
