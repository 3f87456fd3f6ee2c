import { readFileSync } from "node:fs";
import { type Clock, systemClock } from "../../wire/clock.js";
import { errorText } from "../../wire/errorText.js";
import { systemRandomness } from "../../wire/randomness.js";
import type { AdmissionFile } from "../access/admission/admissionFile.js";
import type { Audit } from "../access/audit/audit.js";
import { BridgeServer } from "../grpc/bridgeServer.js";
import { checkBy } from "../grpc/schedulerService.js";
import type { LeveledLog, Log, ParentLog } from "../log.js";
import { ListDetector, type MasterDetector } from "../mesos/detect/detector.js";
import type { MasterSpec } from "../mesos/detect/masterSpec.js";
import type { ZookeeperDetectorOptions } from "../mesos/detect/zookeeperDetector.js";
import {
  type Authentication,
  basicAuthentication,
  bearerAuthentication,
  noAuthentication,
} from "../mesos/link/authentication.js";
import { CallBudget } from "../mesos/link/callBudget.js";
import { linksWith } from "../mesos/link/link.js";
import { MasterProbe } from "../mesos/link/masterProbe.js";
import { connectWith } from "../mesos/link/openSocket.js";
import { ObserverHub } from "../session/observerHub.js";
import { RestoreError } from "../session/restoreError.js";
import { SessionManager } from "../session/sessionManager.js";
import { DataDirInUseError } from "../store/dataDirOwner.js";
import { LogStore, type LogStoreOptions } from "../store/logStore.js";
import { createValidator, registryOf } from "../validation/validator.js";
import { type Access, openAccess } from "./access.js";
import { type DescriptorUse, openFilesLimit, withinDescriptors } from "./descriptors.js";
import { AddressInUseError, allowedAddresses, listenOn } from "./listening.js";
import { openMasterTls, openZookeeperTls } from "./mesosTls.js";
import { openPrincipals } from "./principals.js";
import { restoreProblems, unreadableProblem } from "./restoreProblems.js";
import type { ServeConfig } from "./serveConfig.js";
import { shellWord } from "./shellWord.js";
import { type Handover, inSuccession } from "./successor.js";

export interface RunningBridge {
  /** Where it listens, as host:port or unix:/path. */
  readonly addresses: readonly string[];
  /** Settles with the reason if another process takes the data directory: then this one must end at once. */
  readonly takenOver: Promise<Error>;
  /**
   * Waits for the answers to calls in progress, then ends streams, links and server, and closes the store.
   *
   * @throws UnsavedError with one line that says what the data directory does not hold
   */
  close(): Promise<void>;
}

/** Starts the bridge. @throws Error with one line that says what is wrong. */
export async function serve(config: ServeConfig, log: ParentLog): Promise<RunningBridge> {
  const access = await openAccess(config, systemClock, log);
  let admission: AdmissionFile | undefined;
  try {
    admission = await admissionOf(config, log, access.audit);
    return await serveWith(access, admission, config, log);
  } catch (error) {
    admission?.close();
    access.close();
    throw error;
  }
}

async function serveWith(
  access: Access,
  admission: AdmissionFile | undefined,
  config: ServeConfig,
  log: LeveledLog,
): Promise<RunningBridge> {
  const { authenticator, tls, protection, permissions, audit } = access;
  const listenAddresses = await allowedAddresses(config, protection);
  const masterTls = await openMasterTls(config, log);
  const zookeeperTls = await openZookeeperTls(config, log);
  const world = {
    clock: systemClock,
    randomness: systemRandomness,
    connect: connectWith(masterTls.tls),
    tls: masterTls.tls,
  };
  const authentication = await authenticationOf(config, world.clock);
  const principals = await openPrincipals(config.frameworkPrincipals, authentication, log, world.clock);
  const descriptorSet = readDescriptors();
  const validator = createValidator(descriptorSet);
  let tellTakenOver: (error: Error) => void = () => {};
  const takenOver = new Promise<Error>((resolve) => {
    tellTakenOver = resolve;
  });
  const handover = handoverOf(config, log);
  const store = await openStore(config.dataDir, { log, clock: world.clock, onTakenOver: tellTakenOver }, handover);
  const detector = await detectorOf(config.master, { scheme: config.masterScheme, tls: zookeeperTls.tls, log });
  const hub = new ObserverHub();
  const probeOptions = { ...world, detector, authentication: principals.book?.probe ?? authentication, log };
  const probe = new MasterProbe(probeOptions, (leads) => server.setServing(leads));
  const { missedHeartbeats, callTimeout: callTimeoutMs } = config;
  const { maxFrameworks, maxConnections } = descriptorLimits(config, log);
  const sessions = new SessionManager({
    maxFrameworks,
    ...world,
    links: linksWith(
      {
        ...world,
        detector,
        authentication,
        log,
        missedHeartbeats,
        callTimeoutMs,
        callBudget: new CallBudget(),
        counter: probe,
      },
      principals.book,
    ),
    log,
    callTimeoutMs,
    store,
    hub,
    defaultLeaseMs: config.defaultLease,
    offerHoldMs: config.offerHold,
  });
  const server = new BridgeServer({
    sessions,
    hub,
    check: checkBy((type, request) => validator.validate(type, request)),
    log,
    authenticator,
    tls,
    permissions,
    ...(audit && { audit }),
    descriptorSet,
    maxObservers: config.maxObservers,
    admission: admission?.admission,
    limits: {
      maxConnections,
      maxRequestBytes: config.maxRequestSize,
      timeoutSeconds: Math.ceil(config.requestTimeout / 1000),
      clientTimeoutMs: config.clientTimeout,
    },
  });
  const closeAll = async () => {
    probe.close();
    admission?.close();
    server.drain();
    const unanswered = await sessions.drain(config.drainTimeout);
    if (unanswered > 0) {
      log.warn({ calls: unanswered }, "calls have no answer after --drain-timeout: their outcome is unknown");
    }
    await sessions.close();
    await server.close();
    await detector.close();
    masterTls.close();
    principals.close();
    zookeeperTls.close();
    await store.close();
    access.close();
    await audit?.close();
  };
  try {
    const bound = await inSuccession(() => listenOn(server, listenAddresses, protection, log), handover);
    restore(sessions, store, config.dataDir);
    probe.start();
    return { addresses: bound.map(({ text }) => text), takenOver, close: closeAll };
  } catch (error) {
    await closeAll().catch((later: Error) =>
      log.error({ err: later }, "the bridge failed to start, and then failed to close"),
    );
    throw error;
  }
}

/** The rules of --admission. They are loaded before anything is served, so that a broken file is told at once. */
async function admissionOf(
  { admission: path }: ServeConfig,
  log: Log,
  audit: Audit | undefined,
): Promise<AdmissionFile | undefined> {
  if (path === undefined) return undefined;
  const { openAdmissionFile } = await import("../access/admission/admissionFile.js");
  return openAdmissionFile({ path, registry: registryOf(readDescriptors()), clock: systemClock, log, audit });
}

/** The serialized descriptors of all messages and services. */
function readDescriptors(): Buffer {
  return readFileSync(new URL("../../gen/descriptors.binpb", import.meta.url));
}

function descriptorLimits(config: ServeConfig, log: Log): DescriptorUse {
  const openFiles = openFilesLimit();
  const limits = withinDescriptors(config, openFiles);
  const { maxFrameworks, maxConnections } = limits;
  if (maxFrameworks < config.maxFrameworks || maxConnections < config.maxConnections) {
    const fields = { openFiles, maxFrameworks, maxConnections };
    log.warn(fields, "the limit of open files (ulimit -n) allows fewer frameworks and connections than configured");
  }
  return limits;
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

async function authenticationOf(config: ServeConfig, clock: Clock): Promise<Authentication> {
  const { principal, secretFile, tokenFile } = config;
  if (principal !== undefined && secretFile !== undefined)
    return checked(basicAuthentication(principal, secretFile, clock), "--secret-file");
  if (tokenFile !== undefined) return checked(bearerAuthentication(tokenFile, clock), "--token-file");
  return noAuthentication;
}

/** Reads the credentials once, so that a wrong path is reported at the start. */
async function checked(authentication: Authentication, flag: string): Promise<Authentication> {
  try {
    await authentication.header();
  } catch (error) {
    throw new Error(`${flag}: ${errorText(error)}`);
  }
  return authentication;
}
