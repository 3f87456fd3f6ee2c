import { copyFileSync, mkdirSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import sharp from "sharp";
import { beforeAll, describe, expect, it } from "vitest";
import { cleanupAfterAll } from "../support/cleanup.js";
import { describeBridge } from "../support/describeBridge.js";
import { at } from "../support/paths.js";
import { testEmptyTasks } from "./emptyTasks.js";
import { execute, succeed } from "./execute.js";
import { followGuide } from "./guide.js";
import { preparePython, pythonEnv, pythonFolder, pythonProgram } from "./python.js";

const COLD_MS = 540_000;
let python: string;

beforeAll(async () => {
  python = await preparePython();
}, COLD_MS);

/** Runs a module of Python's in the client's folder. */
const module = (...args: string[]) => succeed(python, ["-m", ...args], { cwd: pythonFolder, env: pythonEnv });

describe("the Python client", () => {
  const cleanup = cleanupAfterAll();

  it("is formatted, and ruff has nothing to say", async () => {
    await module("ruff", "format", "--check", ".");
    await module("ruff", "check", ".");
  });

  it("passes its own tests", async () => {
    await module("pytest", "-q", "-p", "no:cacheprovider");
  });

  it("is built as a package that has its stubs and needs nothing else of the repository", async () => {
    const folder = await cleanup.tempDir();
    await module("pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", "--wheel-dir", folder, ".");
    const [wheel = ""] = readdirSync(folder);
    expect(wheel).toBe("mesos_bridge-0.1.0-py3-none-any.whl");
    const site = join(folder, "site");
    await succeed(python, ["-m", "pip", "install", "--quiet", "--no-deps", "--target", site, join(folder, wheel)]);
    const env = { ...process.env, PYTHONPATH: site };
    expect(await succeed(join(site, "bin/mesos-empty-tasks"), ["--version"], { env })).toBe("0.1.0\n");
    const { status, output } = await execute(join(site, "bin/mesos-empty-tasks"), ["--tasks", "0"], { env });
    expect(status).toBe(2);
    expect(output).toContain("argument --tasks: it must be at least 1");
  });

  it("keeps the example short", () => {
    const lines = readFileSync(join(pythonFolder, "examples/invert.py"), "utf8").trimEnd().split("\n");
    expect(lines.length).toBeLessThanOrEqual(60);
  });

  it(
    "has stubs in a project without a clone, as its guide says",
    async () => {
      const folder = await cleanup.tempDir();
      await followGuide("python.md", folder, [dirname(python)]);
      const program = "from mesosbridge.v1 import scheduler_pb2_grpc as s; print(s.SchedulerServiceStub.__name__)";
      const env = { ...process.env, PYTHONPATH: join(folder, "src") };
      expect(await succeed(python, ["-c", program], { env })).toBe("SchedulerServiceStub\n");
    },
    COLD_MS,
  );
});

testEmptyTasks("Python", { build: () => pythonProgram("-m", "mesosbridge.programs.empty_tasks") });

describeBridge("the Python client", { resources: "cpus:1;mem:2048" }, (suite) => {
  it("inverts images with the inverter", async () => {
    const folder = await suite().cleanup.tempDir();
    const [input, output] = [join(folder, "in"), join(folder, "out")];
    mkdirSync(input);
    for (const name of ["chelsea.png", "rocket.jpg"]) copyFileSync(at("images", name), join(input, name));
    const example = join(pythonFolder, "examples/invert.py");
    const args = [example, suite().bridge.address, input, output];
    const { status, output: said } = await execute(python, args, { env: pythonEnv, timeoutMs: 50_000 });
    expect(said).toContain("2 of 2 inverted");
    expect(status).toBe(0);
    const raw = (path: string) => sharp(path).raw().toBuffer({ resolveWithObject: true });
    const before = await raw(join(input, "chelsea.png"));
    const after = await raw(join(output, "chelsea.png"));
    expect(after.info).toEqual(before.info);
    expect([...after.data.subarray(0, 999)]).toEqual([...before.data.subarray(0, 999)].map((value) => 255 - value));
    expect((await sharp(join(output, "rocket.jpg")).metadata()).format).toBe("jpeg");
  });
});
