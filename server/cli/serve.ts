import { readFileSync } from "node:fs";
import { type Clock, systemClock } from "../../wire/clock.js";
import { errorText } from "../../wire/errorText.js";
import { systemRandomness } from "../../wire/randomness.js";
import type { Admission } from "../access/admission/admission.js";
import type { AdmissionFileOptions } from "../access/admission/admissionFile.js";
import { BridgeServer, type BridgeServerOptions } from "../grpc/bridgeServer.js";
import { checkBy } from "../grpc/schedulerService.js";
import { HttpServer, type Route } from "../http/httpServer.js";
import { Probes } from "../http/probes.js";
import type { LeveledLog, Log, ParentLog } from "../log.js";
import { ListDetector, type MasterDetector } from "../mesos/detect/detector.js";
import type { MasterSpec } from "../mesos/detect/masterSpec.js";
import type { ZookeeperDetectorOptions } from "../mesos/detect/zookeeperDetector.js";
import { AttemptCounts } from "../mesos/link/attemptCounts.js";
import { CallBudget } from "../mesos/link/callBudget.js";
import type { Links } from "../mesos/link/frameworkLink.js";
import { linksWith } from "../mesos/link/link.js";
import type { LinkOptions } from "../mesos/link/linkOptions.js";
import { MasterProbe } from "../mesos/link/masterProbe.js";
import { connectWith } from "../mesos/link/openSocket.js";
import { ObserverHub } from "../session/observerHub.js";
import { RestoreError } from "../session/restoreError.js";
import { SessionManager, type SessionManagerOptions } from "../session/sessionManager.js";
import type { Tracing } from "../session/tracing.js";
import { DataDirInUseError } from "../store/dataDirOwner.js";
import { LogStore, type LogStoreOptions } from "../store/logStore.js";
import { StoreCounts } from "../store/storeCounts.js";
import { createValidator, registryOf } from "../validation/validator.js";
import { openAccess } from "./access.js";
import { allowedHttpAddress, listenForHttp } from "./httpListening.js";
import { addRoutes } from "./httpRoutes.js";
import { AddressInUseError, allowedAddresses, listenOn } from "./listening.js";
import { authenticationOf } from "./masterAuthentication.js";
import { openMasterTls, openZookeeperTls } from "./mesosTls.js";
import { Opened } from "./opened.js";
import { type OpenPrincipals, openPrincipals } from "./principals.js";
import type { ReloadedConfig } from "./reloadable.js";
import { restoreProblems, unreadableProblem } from "./restoreProblems.js";
import { RunningLimits } from "./runningLimits.js";
import type { ServeConfig } from "./serveConfig.js";
import { shellWord } from "./shellWord.js";
import { type Handover, inSuccession } from "./successor.js";
import { version } from "./version.js";

export interface RunningBridge {
  /** Where it listens, as host:port or unix:/path. */
  readonly addresses: readonly string[];
  /** Where it serves HTTP, if it does. */
  readonly httpAddress: string | undefined;
  /** Settles with the reason if another process takes the data directory: then this one must end at once. */
  readonly takenOver: Promise<Error>;
  /** Takes the limits of a configuration that was read again. */
  replaceLimits(config: ReloadedConfig): void;
  /**
   * Waits for the answers to calls in progress, then ends streams, links and server, and closes the store.
   *
   * @throws UnsavedError with one line that says what the data directory does not hold
   */
  close(): Promise<void>;
}

/** Starts the bridge. @throws Error with one line that says what is wrong; then nothing is left open. */
export async function serve(config: ServeConfig, log: ParentLog, clock: Clock = systemClock): Promise<RunningBridge> {
  const opened = new Opened();
  try {
    return await serveWith(opened, config, log, clock);
  } catch (error) {
    await opened
      .close()
      .catch((later: Error) => log.error({ err: later }, "the bridge failed to start, and then failed to close"));
    throw error;
  }
}

async function serveWith(
  opened: Opened,
  config: ServeConfig,
  log: ParentLog & LeveledLog,
  clock: Clock,
): Promise<RunningBridge> {
  const { authenticator, tls, protection, permissions, audit } = await openAccess(config, clock, log, opened);
  const admission = await openAdmission(config, { log, clock, audit }, opened);
  const listenAddresses = await allowedAddresses(config, protection);
  const httpListenAddress = await allowedHttpAddress(config, protection.authentication);
  const masterTls = opened.add(await openMasterTls(config, log, clock));
  const zookeeperTls = opened.add(await openZookeeperTls(config, log, clock));
  const world = { clock, randomness: systemRandomness, connect: connectWith(masterTls.tls), tls: masterTls.tls };
  const authentication = await authenticationOf(config, clock);
  const principals = opened.add(await openPrincipals(config.frameworkPrincipals, authentication, log, clock));
  const descriptorSet = readDescriptors();
  const validator = createValidator(descriptorSet);
  let tellTakenOver: (error: Error) => void = () => {};
  const takenOver = new Promise<Error>((resolve) => {
    tellTakenOver = resolve;
  });
  const attempts = new AttemptCounts();
  const storeCounts = new StoreCounts();
  const handover = handoverOf(config, log);
  const storeOptions = { log, clock, onTakenOver: tellTakenOver, counts: storeCounts };
  const store = opened.add(await openStore(config.dataDir, storeOptions, handover));
  const detector = opened.add(
    await detectorOf(config.master, { scheme: config.masterScheme, tls: zookeeperTls.tls, log }),
  );
  const hub = new ObserverHub();
  const probeOptions = { ...world, detector, authentication: principals.book?.probe ?? authentication, log };
  const probes = new Probes();
  const probe = new MasterProbe(probeOptions, (leads, problem) => {
    server.setServing(leads);
    probes.masterSeen(problem);
  });
  const limits = new RunningLimits(config, log);
  const tracing = await openTracing(config, clock, log, opened);
  const linkParts = { ...world, detector, authentication, log, counter: probe, attempts };
  const sessions = sessionsOf(config, limits, {
    ...world,
    links: linksOf(config, linkParts, principals),
    log,
    store,
    hub,
    tracing,
  });
  const check = checkBy((type, request) => validator.validate(type, request));
  const accessParts = { authenticator, tls, permissions, ...(audit && { audit }), admission };
  const server = serverOf(config, limits, { ...accessParts, sessions, hub, check, log, descriptorSet, tracing });
  const routes = new Map<string, Route>();
  const httpServer = opened.add(new HttpServer({ routes, log }));
  opened.onClose(() => {
    probes.drain();
    return drain(server, sessions, limits, log);
  });
  opened.add(probe);
  await addRoutes(routes, config, probes, {
    sessions,
    calls: server.calls,
    usage: server.usage,
    attempts,
    store: storeCounts,
  });
  const bound = await inSuccession(() => listenOn(server, listenAddresses, protection, log), handover);
  const httpAddress =
    httpListenAddress && (await inSuccession(() => listenForHttp(httpServer, httpListenAddress, log), handover));
  restore(sessions, store, config.dataDir);
  probe.start();
  return {
    addresses: bound.map(({ text }) => text),
    httpAddress,
    takenOver,
    replaceLimits: (to) => limits.replace(to),
    close: () => opened.close(),
  };
}

type LinkParts = Omit<LinkOptions, "missedHeartbeats" | "callTimeoutMs" | "callBudget">;

function linksOf(config: ServeConfig, parts: LinkParts, { book }: OpenPrincipals): Links {
  const { missedHeartbeats, callTimeout: callTimeoutMs } = config;
  return linksWith({ ...parts, missedHeartbeats, callTimeoutMs, callBudget: new CallBudget() }, book);
}

type SessionParts = Omit<SessionManagerOptions, "maxFrameworks" | "defaultLeaseMs" | "callTimeoutMs" | "offerHoldMs">;

function sessionsOf(config: ServeConfig, limits: RunningLimits, parts: SessionParts): SessionManager {
  return new SessionManager({
    ...parts,
    callTimeoutMs: config.callTimeout,
    offerHoldMs: config.offerHold,
    maxFrameworks: () => limits.maxFrameworks,
    defaultLeaseMs: () => limits.defaultLeaseMs,
  });
}

type ServerParts = Omit<BridgeServerOptions, "maxObservers" | "maxStreamAgeMs" | "limits">;

function serverOf(config: ServeConfig, limits: RunningLimits, parts: ServerParts): BridgeServer {
  return new BridgeServer({
    ...parts,
    maxObservers: () => limits.maxObservers,
    maxStreamAgeMs: config.maxStreamAge,
    limits: {
      maxConnections: limits.maxConnections,
      maxRequestBytes: config.maxRequestSize,
      timeoutSeconds: Math.ceil(config.requestTimeout / 1000),
      clientTimeoutMs: config.clientTimeout,
    },
  });
}

/** Lets calls in progress get their answers, and then ends sessions and server, whose streams the sessions end. */
async function drain(server: BridgeServer, sessions: SessionManager, limits: RunningLimits, log: Log): Promise<void> {
  server.drain();
  const unanswered = await sessions.drain(limits.drainTimeoutMs);
  if (unanswered > 0) {
    log.warn({ calls: unanswered }, "calls have no answer after --drain-timeout: their outcome is unknown");
  }
  await sessions.close();
  await server.close();
}

/** The rules of --admission. They are loaded before anything is served, so that a broken file is told at once. */
export async function openAdmission(
  { admission: path }: ServeConfig,
  options: Omit<AdmissionFileOptions, "path" | "registry">,
  opened: Opened,
): Promise<Admission | undefined> {
  if (path === undefined) return undefined;
  const { openAdmissionFile } = await import("../access/admission/admissionFile.js");
  const file = opened.add(await openAdmissionFile({ path, registry: registryOf(readDescriptors()), ...options }));
  return file.admission;
}

/** What sends traces is loaded only if it is used. */
async function openTracing(
  { traces: url, tracesPercent }: ServeConfig,
  clock: Clock,
  log: Log,
  opened: Opened,
): Promise<Tracing | undefined> {
  if (url === undefined) return undefined;
  const { openTraces } = await import("../traces/openTraces.js");
  return opened.add(openTraces({ url, ratio: tracesPercent / 100, version, clock, log })).tracing;
}

/** The serialized descriptors of all messages and services. */
function readDescriptors(): Buffer {
  return readFileSync(new URL("../../gen/descriptors.binpb", import.meta.url));
}

/** A framework that can't be restored stops the start: to continue without it would lose it silently. */
function restore(sessions: SessionManager, store: LogStore, dataDir: string): void {
  const [problem, ...more] = restoreProblems(store, dataDir);
  if (problem !== undefined) throw new Error(`--data-dir: ${problem}${furtherProblems(more.length, dataDir)}`);
  try {
    sessions.restore();
  } catch (error) {
    if (error instanceof RestoreError) throw new Error(`--data-dir: ${unreadableProblem(error, dataDir)}`);
    throw new Error(`--data-dir: what ${dataDir} holds can't be read: ${errorText(error)}`);
  }
}

function furtherProblems(count: number, dataDir: string): string {
  return count === 0 ? "" : ` (and ${count} more: see 'mesos-bridge frameworks list --data-dir ${shellWord(dataDir)}')`;
}

/** Two bridges with the same frameworks would keep taking each other's subscriptions. */
async function openStore(dataDir: string, options: LogStoreOptions, handover: Handover): Promise<LogStore> {
  try {
    return await inSuccession(() => LogStore.open(dataDir, options), handover);
  } catch (error) {
    if (error instanceof DataDirInUseError) throw new Error(`--data-dir: ${error.message}`);
    throw new Error(`--data-dir: ${dataDir} can't be used: ${errorText(error)}`);
  }
}

/** How this bridge takes the place of one that is about to end. */
function handoverOf({ waitForDataDir: patienceMs }: ServeConfig, log: Log): Handover {
  return {
    deadlineMs: performance.now() + patienceMs,
    isBusy: (error) => error instanceof DataDirInUseError || error instanceof AddressInUseError,
    onWait: ({ message }) => log.info({ reason: message, patienceMs }, "waiting for another bridge to end"),
  };
}

async function detectorOf(spec: MasterSpec, options: ZookeeperDetectorOptions): Promise<MasterDetector> {
  if (spec.kind === "list") return new ListDetector(spec);
  const { ZookeeperDetector } = await import("../mesos/detect/zookeeperDetector.js");
  return new ZookeeperDetector(spec, options);
}
