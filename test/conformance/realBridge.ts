import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { JsonValue } from "@bufbuild/protobuf";
import { ListFrameworksResponse, ListTasksResponse } from "../../gen/mesosbridge/v1/observer.js";
import { type Bridge, startBridge } from "../support/bridge.js";
import { BridgeClient } from "../support/bridgeClient.js";
import { Cleanup } from "../support/cleanup.js";
import type { MesosCluster } from "../support/cluster.js";
import { eventually } from "../support/eventually.js";
import { TcpProxy } from "../support/tcpProxy.js";
import type { Step } from "./case.js";
import { mismatches, shown } from "./match.js";

/** The real bridge on a Mesos, with something between it and its client that cuts connections. */
export class RealBridge {
  readonly #cleanup: Cleanup;
  readonly #bridge: Bridge;
  /** Between the client and the bridge. */
  readonly #proxy: TcpProxy;
  /** Between the bridge and the master. */
  readonly #toMaster: TcpProxy;
  readonly #client: BridgeClient;
  readonly #frameworkName: string;
  /** A folder, and in it a file once the gate is open. */
  readonly #gate: { folder: string; open: string };

  private constructor(
    cleanup: Cleanup,
    bridge: Bridge,
    proxies: { toBridge: TcpProxy; toMaster: TcpProxy },
    frameworkName: string,
    folder: string,
  ) {
    this.#cleanup = cleanup;
    this.#bridge = bridge;
    this.#proxy = proxies.toBridge;
    this.#toMaster = proxies.toMaster;
    this.#client = cleanup.use(new BridgeClient(bridge.address));
    this.#frameworkName = frameworkName;
    this.#gate = { folder, open: join(folder, "open") };
  }

  static async start(mesos: MesosCluster, frameworkName: string, flags: readonly string[] = []): Promise<RealBridge> {
    const cleanup = new Cleanup();
    try {
      const toMaster = cleanup.use(await TcpProxy.start(mesos.port));
      const bridge = cleanup.use(await startBridge({ master: `127.0.0.1:${toMaster.port}`, flags }));
      const toBridge = cleanup.use(await TcpProxy.start(Number(bridge.address.split(":").at(-1))));
      return new RealBridge(cleanup, bridge, { toBridge, toMaster }, frameworkName, await cleanup.tempDir());
    } catch (error) {
      await cleanup.run();
      throw error;
    }
  }

  get address(): string {
    return `127.0.0.1:${this.#proxy.port}`;
  }

  /** A command that runs until the step `openGate`, or the case ends. */
  get gate(): string {
    return `while [ -d ${this.#gate.folder} ] && [ ! -e ${this.#gate.open} ]; do sleep 0.1; done`;
  }

  /** What the bridge said. */
  log(): string {
    return this.#bridge.log();
  }

  /** @throws Error that says which step went wrong, and how */
  async play(steps: readonly Step[]): Promise<void> {
    for (const [i, step] of steps.entries()) {
      try {
        await this.#playOne(step);
      } catch (error) {
        throw new Error(`step ${i}, ${shown(step as JsonValue)}: ${(error as Error).message}`, { cause: error });
      }
    }
  }

  async stop(): Promise<void> {
    await this.#cleanup.run();
  }

  async #playOne({ cut, framework, task, attachAnother, restartBridge, silenceMaster, openGate }: Step): Promise<void> {
    if (cut) this.#proxy.cut();
    if (framework !== undefined) {
      await eventually(() => this.#hasFramework(framework), { what: `the framework as ${shown(framework)}` });
    }
    if (task !== undefined) await eventually(() => this.#hasTask(task), { what: `a task as ${shown(task)}` });
    if (attachAnother) {
      const stream = this.#client.subscribe({ frameworkName: this.#frameworkName });
      await stream.next(() => true);
      stream.cancel();
    }
    if (silenceMaster) this.#toMaster.freeze(true);
    if (restartBridge) {
      await this.#bridge.kill();
      await this.#bridge.restart();
    }
    if (openGate) await writeFile(this.#gate.open, "");
  }

  async #hasFramework(expected: JsonValue): Promise<boolean> {
    const { response } = await this.#client.call("listFrameworks", {});
    const found = response?.frameworks.filter(({ frameworkName }) => frameworkName === this.#frameworkName) ?? [];
    const json = ListFrameworksResponse.toJSON({ frameworks: found, nextPageToken: "" });
    return someMatches(expected, (json as { frameworks?: JsonValue[] }).frameworks);
  }

  async #hasTask(expected: JsonValue): Promise<boolean> {
    const { response } = await this.#client.call("listTasks", { frameworkName: this.#frameworkName });
    const json = ListTasksResponse.toJSON(response ?? { tasks: [], nextPageToken: "" });
    return someMatches(expected, (json as { tasks?: JsonValue[] }).tasks);
  }
}

/** @throws Error that tells what there is instead */
function someMatches(expected: JsonValue, items: readonly JsonValue[] = []): boolean {
  if (items.some((item) => mismatches(expected, item).length === 0)) return true;
  throw new Error(`there is only ${shown([...items])}`);
}
