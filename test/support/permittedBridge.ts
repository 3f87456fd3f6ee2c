import { readFileSync } from "node:fs";
import { rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { Client, type ClientDuplexStream, credentials, type ServiceError, status } from "@grpc/grpc-js";
import { ErrorInfo } from "../../gen/google/rpc/error_details.js";
import { Status } from "../../gen/google/rpc/status.js";
import { Authenticator } from "../../server/access/authenticator.js";
import { PermissionsFile } from "../../server/access/permissions/permissions.js";
import { BridgeServer, type BridgeServerOptions } from "../../server/grpc/bridgeServer.js";
import { resolveListenAddress } from "../../server/grpc/connections/listenAddress.js";
import { checkBy } from "../../server/grpc/schedulerService.js";
import { ListDetector } from "../../server/mesos/detect/detector.js";
import { noAuthentication } from "../../server/mesos/link/authentication.js";
import { linksWith } from "../../server/mesos/link/link.js";
import { ObserverHub } from "../../server/session/observerHub.js";
import { SessionManager } from "../../server/session/sessionManager.js";
import { LogStore } from "../../server/store/logStore.js";
import { createValidator } from "../../server/validation/validator.js";
import { systemClock } from "../../wire/clock.js";
import { AnsweringMaster } from "./answeringMaster.js";
import { Arrivals } from "./arrivals.js";
import type { Cleanup } from "./cleanup.js";
import { at } from "./paths.js";

/** How a call ended. */
export interface Ended {
  /** The name of the gRPC status. */
  readonly code: string;
  readonly message: string;
  readonly reason: string;
  /** Whether RetryInfo says so. */
  readonly retryable: boolean;
  readonly metadata: Readonly<Record<string, string>>;
}

const silent = () => {};
const same = (bytes: Buffer) => bytes;
const descriptorSet = readFileSync(at("gen/descriptors.binpb"));
const validator = createValidator(descriptorSet);

/** A whole bridge in this process, with a permissions file, at a master that takes everything. */
export class PermittedBridge {
  readonly master: AnsweringMaster;
  readonly sessions: SessionManager;
  readonly logged: { level: string; fields: object; message: string }[];
  readonly #file: string;
  readonly #clients: ReadonlyMap<string, Client>;
  /** The directory of its sockets, which are named like the identities. */
  readonly dir: string;

  private constructor(
    master: AnsweringMaster,
    sessions: SessionManager,
    logged: PermittedBridge["logged"],
    file: string,
    clients: ReadonlyMap<string, Client>,
    dir: string,
  ) {
    this.dir = dir;
    this.master = master;
    this.sessions = sessions;
    this.logged = logged;
    this.#file = file;
    this.#clients = clients;
  }

  /**
   * @param identities last parts of the paths of unix sockets on which it listens: each is an identity of its own, which
   *   permissions name with `unix:*` and a slash before it
   * @param more options of the server that differ
   */
  static async start(
    cleanup: Cleanup,
    identities: readonly string[],
    permissionsText: string,
    more: Partial<BridgeServerOptions> = {},
  ): Promise<PermittedBridge> {
    const logged: PermittedBridge["logged"] = [];
    const at = (level: string) => (fields: object, message: string) => logged.push({ level, fields, message });
    const log = { level: "info", debug: silent, info: silent, warn: at("warn"), error: at("error") };
    const master = cleanup.use(await AnsweringMaster.start());
    const store = await LogStore.open(await cleanup.tempDir(), { log });
    cleanup.defer(() => store.close());
    const detector = new ListDetector({ kind: "list", urls: [master.fake.url] });
    const hub = new ObserverHub();
    const links = linksWith({ detector, authentication: noAuthentication, log });
    const sessions = new SessionManager({ links, log, store, hub, offerHoldMs: 60_000 });
    cleanup.defer(() => sessions.close());
    const file = join(await cleanup.tempDir(), "permissions.toml");
    await writeFile(file, permissionsText, { mode: 0o600 });
    const permissions = await PermissionsFile.open(file, { clock: systemClock, log });
    cleanup.defer(() => permissions.close());
    const server = new BridgeServer({
      sessions,
      hub,
      check: checkBy((type, request) => validator.validate(type, request)),
      log,
      descriptorSet,
      maxObservers: () => 1_000,
      limits: { maxConnections: 100, maxRequestBytes: 16 * 1024 ** 2, timeoutSeconds: 60, clientTimeoutMs: 60_000 },
      authenticator: new Authenticator({ certificates: true, tokens: undefined, jwt: undefined }),
      tls: undefined,
      permissions,
      ...more,
    });
    cleanup.defer(() => server.close());
    const dir = await cleanup.tempDir();
    const sockets = identities.map((identity) => `unix:${join(dir, identity)}`);
    await server.listen(await Promise.all(sockets.map(resolveListenAddress)));
    const clients = new Map(identities.map((identity, index) => [identity, clientOf(sockets[index] ?? "", cleanup)]));
    return new PermittedBridge(master, sessions, logged, file, clients, dir);
  }

  /** Replaces the permissions file, as editors and configuration tools do. */
  async permit(permissionsText: string): Promise<void> {
    await writeFile(`${this.#file}.new`, permissionsText, { mode: 0o600 });
    await rename(`${this.#file}.new`, this.#file);
  }

  /** Makes a unary call. @param path such as "/mesosbridge.v1.SchedulerService/KillTask" */
  async call(identity: string, path: string, request: Uint8Array): Promise<Ended & { response: Buffer | undefined }> {
    return new Promise((resolve) => {
      const sent = Buffer.from(request);
      this.#clientOf(identity).makeUnaryRequest(path, same, same, sent, (error, response) =>
        resolve({ ...endedBy(error), response }),
      );
    });
  }

  /** Opens a stream with a request. @param more whether other requests may follow */
  stream(identity: string, path: string, request: Uint8Array, more = false): PermittedStream {
    const call = this.#clientOf(identity).makeBidiStreamRequest(path, same, same);
    const stream = new PermittedStream(call);
    call.on("data", (message: Buffer) => stream.messages.push(message));
    call.on("status", (ending: ServiceError) => stream.ended.push(endedBy(ending)));
    call.on("error", silent);
    if (more) call.write(Buffer.from(request));
    else call.end(Buffer.from(request));
    return stream;
  }

  #clientOf(identity: string): Client {
    const client = this.#clients.get(identity);
    if (!client) throw new Error(`the bridge does not listen for ${identity}`);
    return client;
  }
}

/** An open stream of messages as bytes. */
export class PermittedStream {
  readonly messages = new Arrivals<Buffer>();
  readonly ended = new Arrivals<Ended>();
  readonly #call: ClientDuplexStream<Buffer, Buffer>;

  constructor(call: ClientDuplexStream<Buffer, Buffer>) {
    this.#call = call;
  }

  cancel(): void {
    this.#call.cancel();
  }

  send(request: Uint8Array): void {
    this.#call.write(Buffer.from(request));
  }

  /** Reads nothing more, until `resume`. */
  pause(): void {
    this.#call.pause();
  }

  resume(): void {
    this.#call.resume();
  }

  /** How it ended, or that it gave a message first: then it is cancelled. */
  async firstOrEnd(): Promise<Ended> {
    const first = this.messages.next({ what: "a message" }).then((): Ended => OK);
    const end = this.ended.next({ what: "the end" });
    try {
      return await Promise.race([first, end]);
    } finally {
      this.cancel();
      first.catch(silent);
      end.catch(silent);
    }
  }
}

const OK: Ended = { code: "OK", message: "", reason: "", retryable: false, metadata: {} };

function clientOf(address: string, cleanup: Cleanup): Client {
  const client = new Client(address, credentials.createInsecure(), { "grpc.enable_http_proxy": 0 });
  cleanup.defer(() => client.close());
  return client;
}

function endedBy(error: Pick<ServiceError, "code" | "details" | "metadata"> | null): Ended {
  if (!error || error.code === status.OK) return OK;
  const [packed] = error.metadata.get("grpc-status-details-bin");
  const details = Buffer.isBuffer(packed) ? Status.decode(packed).details : [];
  const info = details.find(({ typeUrl }) => typeUrl.endsWith("ErrorInfo"));
  const { reason, metadata } = info ? ErrorInfo.decode(info.value) : { reason: "", metadata: {} };
  const retryable = details.some(({ typeUrl }) => typeUrl.endsWith("RetryInfo"));
  return { code: status[error.code] ?? "", message: error.details, reason, retryable, metadata };
}
