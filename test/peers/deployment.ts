import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { BridgeClient } from "../support/bridgeClient.js";
import type { Cleanup } from "../support/cleanup.js";
import { deployFor, type Site } from "../support/deployFiles.js";
import { eventually } from "../support/eventually.js";
import { freePort } from "../support/freePort.js";
import { at, root } from "../support/paths.js";
import { processesOf } from "../support/processes.js";
import type { RealMesos } from "../support/realMesos.js";
import type { Singularity } from "./singularityServer.js";

const PATIENCE = { timeoutMs: 90_000 };

interface Deploy {
  readonly deploy: { readonly id: string };
}

/** The bridge and batches of deploy/singularity, as Singularity runs them on one machine. */
export class Deployment {
  readonly site: Site;
  readonly #mesos: RealMesos;
  readonly #singularity: Singularity;
  readonly #client: BridgeClient;

  private constructor(site: Site, mesos: RealMesos, singularity: Singularity, client: BridgeClient) {
    this.site = site;
    this.#mesos = mesos;
    this.#singularity = singularity;
    this.#client = client;
  }

  /** Starts the bridge, and waits until it serves. */
  static async start(mesos: RealMesos, singularity: Singularity, cleanup: Cleanup): Promise<Deployment> {
    const folder = await cleanup.tempDir();
    const listen = `127.0.0.1:${await freePort()}`;
    const site = {
      program: root,
      masters: mesos.master,
      listen,
      bridges: `127.0.0.1:1,${listen}`,
      dataDir: join(folder, "data"),
      input: join(folder, "photographs"),
      output: join(folder, "inverted"),
    };
    const client = new BridgeClient(listen);
    cleanup.defer(() => client.stop());
    const deployment = new Deployment(site, mesos, singularity, client);
    await singularity.post("/requests", deployFor("singularity", "bridge.request.json", site));
    await singularity.post("/requests", deployFor("singularity", "invert.request.json", site));
    await singularity.post("/deploys", deployFor("singularity", "bridge.deploy.json", site));
    await deployment.serving();
    return deployment;
  }

  /** Deploys the batch under this name. Gives its output folder. */
  async startBatch(name: string): Promise<string> {
    const output = `${this.site.output}-${name}`;
    const { deploy } = deployFor("singularity", "invert.deploy.json", { ...this.site, output }) as Deploy;
    await this.#singularity.post("/deploys", { deploy: { ...deploy, id: name } });
    return output;
  }

  /** The processes that are bridges, or wait to be the bridge. */
  bridges(): number[] {
    return processesOf(at("dist/server/main.js"), this.site.dataDir);
  }

  /** The processes of a batch. */
  batches(output: string): number[] {
    return processesOf(at("dist/clients/typescript/invert/main.js"), output);
  }

  /** Waits until the bridge answers. */
  async serving(): Promise<void> {
    await eventually(() => this.#frameworks(), { what: "the bridge", ...PATIENCE });
  }

  /** Waits until the batch's client is attached. */
  async attached(): Promise<void> {
    const isAttached = async () => (await this.#frameworks())?.some(({ attached }) => attached);
    await eventually(isAttached, { what: "the client of the batch", ...PATIENCE });
  }

  /** What each bridge has logged, in its sandbox. */
  bridgeLogs(): string[] {
    return readdirSync(this.#mesos.workDir, { recursive: true, withFileTypes: true })
      .filter(({ name, parentPath }) => name === "stderr" && /\/mesos-bridge-[^/]*\/runs\/(?!latest)/.test(parentPath))
      .map(({ name, parentPath }) => readFileSync(join(parentPath, name), "utf8"));
  }

  async #frameworks() {
    return (await this.#client.call("listFrameworks", {}, { timeoutMs: 1_000 })).response?.frameworks;
  }
}
