import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { type Bridge, startBridge } from "../support/bridge.js";
import { startProcess } from "../support/childProcess.js";
import { cleanupAfterAll } from "../support/cleanup.js";
import { startEmbeddedMesos } from "../support/embeddedMesos.js";
import { within } from "../support/eventually.js";
import { OtlpReceiver } from "../support/otlpReceiver.js";
import { at } from "../support/paths.js";
import { succeed } from "./execute.js";
import { goModule } from "./go.js";
import type { Program } from "./program.js";
import { pythonProgram } from "./python.js";

/** Building from nothing downloads what it needs. */
const COLD_MS = 600_000;
const CLIENT_SPAN = "b7ad6b7169203331";

describe("the trace of a launch", () => {
  const cleanup = cleanupAfterAll();
  let receiver: OtlpReceiver;
  let bridge: Bridge;
  beforeAll(async () => {
    receiver = cleanup.use(await OtlpReceiver.start());
    const mesos = cleanup.use(await startEmbeddedMesos());
    bridge = cleanup.use(await startBridge({ master: mesos.master, flags: ["--traces", receiver.url] }));
  });

  const programs: [string, string, () => Promise<Program>][] = [
    ["Go", "0af7651916cd43dd8448eb211c80319c", buildGoProgram],
    ["Python", "4bf92f3577b34da6a3ce929d0e0e4736", () => pythonProgram(at("test/languages/traces/launch.py"))],
  ];

  async function buildGoProgram(): Promise<Program> {
    const command = join(await cleanup.tempDir(), "launch");
    await succeed("go", ["build", "-o", command, at("test/languages/traces/launch.go")], { cwd: goModule });
    return { command, args: [] };
  }

  it.each(programs)(
    "from a client in %s reaches to the acknowledgement",
    { timeout: COLD_MS },
    async (_, trace, build) => {
      const { command, args, env = process.env } = await build();
      const traceparent = `00-${trace}-${CLIENT_SPAN}-01`;
      const program = cleanup.use(
        await startProcess({ command, args: [...args, bridge.address], env: { ...env, TRACEPARENT: traceparent } }),
      );
      expect(await within(program.exited, { what: "its end", timeoutMs: 90_000 }), program.log()).toEqual({
        code: 0,
        signal: null,
      });
      await receiver.span("ACKNOWLEDGE", ({ traceId }) => traceId === trace);
      const spans = receiver.spans.filter(({ traceId }) => traceId === trace);
      const chain = ["mesosbridge.v1.SchedulerService/LaunchTasks", "ACCEPT", "first update", "ACKNOWLEDGE"];
      expect(new Set(spans.map(({ name }) => name))).toEqual(new Set(chain));
      const ordered = chain.map((name) => spans.find((span) => span.name === name));
      expect(ordered.map((span) => span?.parentId)).toEqual([
        CLIENT_SPAN,
        ...ordered.slice(0, 3).map((span) => span?.spanId),
      ]);
    },
  );
});
