import { type ConnectionInjector, type Server, ServerCredentials, setLogger } from "@grpc/grpc-js";
import { HealthImplementation } from "grpc-health-check";
import { AdminServiceDefinition } from "../../gen/mesosbridge/v1/admin.js";
import { ObserverServiceDefinition } from "../../gen/mesosbridge/v1/observer.js";
import { SchedulerServiceDefinition } from "../../gen/mesosbridge/v1/scheduler.js";
import { systemClock } from "../../wire/clock.js";
import { PatientTimer } from "../../wire/patientTimer.js";
import { systemRandomness } from "../../wire/randomness.js";
import type { Admission } from "../access/admission/admission.js";
import type { Audit } from "../access/audit/audit.js";
import type { Authenticator } from "../access/authenticator.js";
import { Callers } from "../access/callers.js";
import { noPermissions, type Permissions } from "../access/permissions/permissions.js";
import type { LeveledLog, Log } from "../log.js";
import { shuttingDown } from "../session/errors.js";
import type { ObserverHub } from "../session/observerHub.js";
import type { SessionManager } from "../session/sessionManager.js";
import type { Tracing } from "../session/tracing.js";
import { AdminService } from "./adminService.js";
import { authenticatingInterceptor } from "./authenticatingInterceptor.js";
import { CallCounts } from "./callCounts.js";
import { CallersOfCalls } from "./callerOf.js";
import type { CallsStream } from "./callsStream.js";
import { CallTraces } from "./callTraces.js";
import { addChannelz } from "./channelz.js";
import { Connections } from "./connections/connections.js";
import { onHttp2Session } from "./connections/http2Sessions.js";
import { connectionLimits, type LimitOptions } from "./connections/limits.js";
import type { ListenAddress } from "./connections/listenAddress.js";
import { type Bound, Listener } from "./connections/listener.js";
import { meteringInterceptor } from "./connections/meteringInterceptor.js";
import { TlsDoor, type TlsSource } from "./connections/tlsDoor.js";
import { CountedServer } from "./countedServer.js";
import { addHealth } from "./health.js";
import { ObserverService } from "./observerService.js";
import type { ObserverStream } from "./observerStream.js";
import { OpenStreams } from "./openStreams.js";
import { addRawService, type Failed } from "./rawService.js";
import { addReflection } from "./reflection.js";
import { type CheckRequest, SchedulerService } from "./schedulerService.js";
import { StreamAges } from "./streamAges.js";

export interface BridgeServerOptions {
  readonly sessions: SessionManager;
  readonly hub: ObserverHub;
  readonly check: CheckRequest;
  /** Its level is what AdminService sets. */
  readonly log: LeveledLog;
  /** Serialized FileDescriptorSet of all services, for reflection. */
  readonly descriptorSet: Uint8Array;
  readonly limits: LimitOptions;
  /** Says who makes a call. */
  readonly authenticator: Authenticator;
  /** Speaks TLS on all addresses but unix sockets. Undefined: on none. */
  readonly tls: TlsSource | undefined;
  /** As of now: it may change. */
  readonly maxObservers: () => number;
  /** How old streams of authenticated clients become, in ms. Default: as old as they like. */
  readonly maxStreamAgeMs?: number | undefined;
  /** What callers may do. Default: everything. */
  readonly permissions?: Permissions;
  /** What callers did, and were refused. Default: kept nowhere. */
  readonly audit?: Audit;
  /** The operator's rules about launches. Default: none. */
  readonly admission?: Admission | undefined;
  /** Follows what clients trace. Default: nothing is traced. */
  readonly tracing?: Tracing | undefined;
}

const SERVICE_NAMES = [
  SchedulerServiceDefinition.fullName,
  ObserverServiceDefinition.fullName,
  AdminServiceDefinition.fullName,
] as const;
/** Services of libraries, whose protos are in the descriptor set too. */
const OTHER_SERVICE_NAMES = ["grpc.health.v1.Health", "grpc.channelz.v1.Channelz"] as const;
/** The name under which health checks ask whether the process lives: it does as long as it answers. */
const LIVENESS = "liveness";
const DRAIN_MS = 3_000;
/** Of all connections this part may be in their handshake, so that clients that never end it don't take all places. */
const SHARE_OF_HANDSHAKES = 0.5;

/** The bridge's gRPC server: the services of the API, health, reflection and channelz. */
export class BridgeServer {
  readonly calls = new CallCounts();
  readonly #server: Server;
  readonly #connections: Connections;
  readonly #listener: Listener;
  readonly #health: HealthImplementation;
  readonly #observers = new OpenStreams<ObserverStream>();
  readonly #callsStreams = new OpenStreams<CallsStream>();

  constructor(options: BridgeServerOptions) {
    // The library would write lines of its own to stderr. What matters of them comes back as errors.
    const note = (text: unknown) => options.log.debug({ grpc: String(text) }, "the gRPC library says");
    setLogger({ error: note, info: note, debug: note });
    const limits = connectionLimits(options.limits);
    const connections = new Connections(limits, options.log, options.authenticator.required);
    this.#connections = connections;
    const ages = new StreamAges({
      maxMs: options.maxStreamAgeMs,
      clock: systemClock,
      randomness: systemRandomness,
    });
    const known = new Callers(options.permissions ?? noPermissions, systemClock, options.audit);
    const callers = new CallersOfCalls(known, connections, ages);
    const serverOptions = {
      interceptors: [
        meteringInterceptor(connections),
        authenticatingInterceptor(connections, options.authenticator, options.log, options.audit),
      ],
      "grpc.max_concurrent_streams": limits.maxStreams,
      "grpc.max_receive_message_length": limits.maxRequestBytes,
      "grpc.max_send_message_length": -1,
    };
    this.#server = new CountedServer(serverOptions, this.calls);
    const failed: Failed = (call, error) => {
      connections.refusals.count(error);
      callers.of(call).failed(error);
    };
    const traces = new CallTraces(options.tracing);
    const schedulers = new SchedulerService({
      ...options,
      admission: options.admission,
      callers,
      connections,
      callsStreams: this.#callsStreams,
      traces,
    });
    addRawService(this.#server, SchedulerServiceDefinition, schedulers, options.log, failed, (call, method, done) =>
      traces.begin(call, method, done),
    );
    const observers = new ObserverService({ ...options, callers, connections, streams: this.#observers });
    addRawService(this.#server, ObserverServiceDefinition, observers, options.log, failed);
    const admins = new AdminService({ ...options, callers, connections });
    addRawService(this.#server, AdminServiceDefinition, admins, options.log, failed);
    this.#health = new HealthImplementation({ ...statusMap("NOT_SERVING"), [LIVENESS]: "SERVING" });
    addHealth(this.#server, this.#health, callers, options.log);
    addChannelz(this.#server, callers, options.log, connections.refusals);
    addReflection(this.#server, callers, options.log, connections.refusals, options.descriptorSet, [
      ...SERVICE_NAMES,
      ...OTHER_SERVICE_NAMES,
    ]);
    const injector = this.#server.createConnectionInjector(ServerCredentials.createInsecure());
    onHttp2Session(this.#server, (session) => {
      const connection = connections.sessionBegun(session);
      if (connection) ages.connectionBegun(connection, session);
      this.calls.follow(session);
    });
    const tls = options.tls && tlsDoor(options.tls, limits.maxConnections, options.log, injector);
    this.#listener = new Listener((socket, address) => {
      const connection = connections.accept(socket, address);
      if (connection && tls && address.kind === "tcp") tls.take(connection);
      else if (connection) injector.injectConnection(socket);
    });
  }

  /** What its clients have, and were refused. */
  get usage(): Pick<Connections, "size" | "heldBytes" | "eventBytes" | "refusals"> {
    return this.#connections;
  }

  /** Listens on all of the addresses, or on none. @throws ListenError if one of them can't be used */
  async listen(addresses: readonly ListenAddress[]): Promise<Bound[]> {
    return this.#listener.listen(addresses);
  }

  /** Says to health checks whether there is a master to work with. */
  setServing(serving: boolean): void {
    for (const [service, status] of Object.entries(statusMap(serving ? "SERVING" : "NOT_SERVING"))) {
      this.#health.setStatus(service, status);
    }
  }

  /** Takes no more connections, and says so to health checks. Existing ones stay. */
  drain(): void {
    this.setServing(false);
    this.#listener.close();
  }

  /**
   * Ends the open streams and lets calls under way finish for some seconds; then it ends whatever is still open. The
   * sessions' streams end with their sessions.
   */
  async close(): Promise<void> {
    this.drain();
    this.#observers.endAll(shuttingDown());
    this.#callsStreams.endAll(shuttingDown());
    await new Promise<void>((resolve) => {
      const force = new PatientTimer(() => {
        this.#server.forceShutdown();
        // The library waits for connections that never said a word, for ever.
        resolve();
      });
      force.start(DRAIN_MS);
      this.#server.tryShutdown(() => {
        force.stop();
        resolve();
      });
    });
    this.#connections.close();
  }
}

function tlsDoor(source: TlsSource, maxConnections: number, log: Log, injector: ConnectionInjector): TlsDoor {
  const maxHandshakes = Math.max(1, Math.floor(maxConnections * SHARE_OF_HANDSHAKES));
  return new TlsDoor({ source, maxHandshakes, log, onSecure: (socket) => injector.injectConnection(socket) });
}

function statusMap(status: "SERVING" | "NOT_SERVING"): Record<string, "SERVING" | "NOT_SERVING"> {
  return Object.fromEntries(["", ...SERVICE_NAMES].map((service) => [service, status]));
}
