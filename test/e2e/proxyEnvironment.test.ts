import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, expect, it } from "vitest";
import { type RunningProcess, startProcess } from "../support/childProcess.js";
import { Cleanup } from "../support/cleanup.js";
import { HttpProxy, proxyEnvironment } from "../support/httpProxy.js";
import { at } from "../support/paths.js";

const cleanup = new Cleanup();
afterAll(() => cleanup.run());

it("inverts an image where the environment of every program names a proxy that refuses all", async () => {
  const proxy = cleanup.use(await HttpProxy.start(403));
  const folder = await cleanup.tempDir();
  // Of programs in Node, newer versions need to be told to look at it.
  const env = { ...process.env, ...proxyEnvironment(`127.0.0.1:${proxy.port}`), NODE_USE_ENV_PROXY: "1" };
  const start = async (program: string, args: string[], ready?: RegExp): Promise<RunningProcess> =>
    cleanup.use(
      await startProcess({
        command: process.execPath,
        args: [at("dist", program), ...args],
        env,
        ...(ready !== undefined && { ready }),
      }),
    );

  const dirs = { work: join(folder, "work"), data: join(folder, "data"), output: join(folder, "out") };
  const local = ["local", "--agents", "1", "--port", "0", "--work-dir", dirs.work];
  const mesos = await start("server/main.js", local, /^ready http:\/\/(\S+)$/m);
  const serve = ["serve", "--master", mesos.ready[1] ?? "", "--listen", "127.0.0.1:0", "--data-dir", dirs.data];
  const bridge = await start("server/main.js", serve, /^ready (\S+)$/m);
  const invert = ["--bridge", bridge.ready[1] ?? "", "--output", dirs.output, at("images/rocket.jpg")];
  const client = await start("clients/typescript/invert/main.js", invert);

  const { code } = await client.exited;
  expect(code, client.log()).toBe(0);
  expect(await readdir(dirs.output)).toContain("rocket-inverted.jpg");
  expect(proxy.connections, JSON.stringify(proxy.requests)).toBe(0);
}, 60_000);
