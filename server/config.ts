import { readFileSync } from "node:fs";
import { type MasterScheme, type MasterSpec, parseMasterSpec } from "./mesos/masterSpec.js";

const DAY_MS = 24 * 3_600_000;
const LOG_LEVELS = ["debug", "info", "warn", "error"] as const;
const SCHEMES: readonly MasterScheme[] = ["http", "https"];

/** What `mesos-bridge serve` is told. Times in ms. */
export interface ServeConfig {
  readonly master: MasterSpec;
  readonly masterScheme: MasterScheme;
  /** As host:port. */
  readonly listen: string;
  /** True: `listen` may be an address that other machines reach, though clients are not authenticated. */
  readonly insecure: boolean;
  readonly dataDir: string;
  readonly principal: string | undefined;
  readonly secretFile: string | undefined;
  readonly tokenFile: string | undefined;
  readonly masterCa: string | undefined;
  readonly defaultLease: number;
  readonly offerHold: number;
  readonly clientTimeout: number;
  readonly missedHeartbeats: number;
  readonly callTimeout: number;
  readonly drainTimeout: number;
  readonly maxFrameworks: number;
  readonly maxConnections: number;
  readonly maxObservers: number;
  /** In bytes. */
  readonly maxRequestSize: number;
  readonly requestTimeout: number;
  readonly logLevel: (typeof LOG_LEVELS)[number];
}

/** What was typed, by the flags' names in camel case. */
export type ServeFlags = Readonly<Partial<Record<ValueFlag, string>>> & { readonly insecure?: boolean };

/** The flags that take a value. */
type ValueFlag = Exclude<keyof ServeConfig, "insecure">;

/** @throws Error with one line for the person who typed the flags. */
export function parseServeConfig(flags: ServeFlags): ServeConfig {
  const { principal, secretFile, tokenFile } = flags;
  const masterScheme = flag(flags, "masterScheme", "http", oneOf(SCHEMES));
  const config: ServeConfig = {
    master: flag(flags, "master", "", (text) => parseMasterSpec(specText(text), masterScheme)),
    masterScheme,
    listen: flag(flags, "listen", "", hostAndPort),
    insecure: flags.insecure ?? false,
    dataDir: flag(flags, "dataDir", "", filled("name a directory")),
    principal: optional(flags, "principal"),
    secretFile: optional(flags, "secretFile"),
    tokenFile: optional(flags, "tokenFile"),
    masterCa: optional(flags, "masterCa"),
    defaultLease: flag(flags, "defaultLease", "60s", milliseconds),
    offerHold: flag(flags, "offerHold", "5s", milliseconds),
    clientTimeout: flag(flags, "clientTimeout", "50s", clientTimeout),
    missedHeartbeats: flag(flags, "missedHeartbeats", "5", missedHeartbeats),
    callTimeout: flag(flags, "callTimeout", "30s", oneSecondToOneHour),
    drainTimeout: flag(flags, "drainTimeout", "10s", drainTimeout),
    maxFrameworks: flag(flags, "maxFrameworks", "5000", numberOf),
    maxConnections: flag(flags, "maxConnections", "2000", numberOf),
    maxObservers: flag(flags, "maxObservers", "1000", numberOf),
    requestTimeout: flag(flags, "requestTimeout", "60s", oneSecondToOneHour),
    maxRequestSize: flag(flags, "maxRequestSize", "16MiB", requestSize),
    logLevel: flag(flags, "logLevel", "info", oneOf(LOG_LEVELS)),
  };
  if ((principal === undefined) !== (secretFile === undefined)) {
    throw new Error("--principal and --secret-file go together");
  }
  if (principal !== undefined && tokenFile !== undefined) {
    throw new Error("use either --principal and --secret-file, or --token-file");
  }
  return config;
}

/** A flag's value, or the default's. An error names the flag. */
function flag<T>(flags: ServeFlags, key: ValueFlag, otherwise: string, read: (text: string) => T): T {
  try {
    return read(flags[key] ?? otherwise);
  } catch (error) {
    throw new Error(`--${key.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}: ${(error as Error).message}`);
  }
}

function optional(flags: ServeFlags, key: ValueFlag): string | undefined {
  return flags[key] === undefined ? undefined : flag(flags, key, "", filled("must not be empty"));
}

function oneOf<T extends string>(values: readonly T[]): (text: string) => T {
  return (text) => {
    const value = values.find((known) => known === text);
    if (value === undefined) throw new Error(`use ${values.slice(0, -1).join(", ")} or ${values.at(-1)}`);
    return value;
  };
}

function filled(otherwise: string): (text: string) => string {
  return (text) => {
    if (text === "") throw new Error(otherwise);
    return text;
  };
}

function clientTimeout(text: string): number {
  const ms = milliseconds(text);
  if (ms < 100 || ms > DAY_MS) throw new Error("use 100ms to 24h");
  return ms;
}

function oneSecondToOneHour(text: string): number {
  const ms = milliseconds(text);
  if (ms < 1000 || ms > 3_600_000) throw new Error("use 1s to 1h");
  return ms;
}

function drainTimeout(text: string): number {
  const ms = milliseconds(text);
  if (ms > 600_000) throw new Error("use 0s to 10m");
  return ms;
}

function missedHeartbeats(text: string): number {
  if (!/^([2-9]|[1-9]\d|100)$/.test(text)) {
    throw new Error("use a number from 2 to 100: a single heartbeat may be late");
  }
  return Number(text);
}

function numberOf(text: string): number {
  if (!/^[1-9]\d{0,5}$/.test(text)) throw new Error("use a number from 1 to 999999");
  return Number(text);
}

const SIZE_UNITS: Record<string, number> = { KiB: 1024, MiB: 1024 * 1024 };

function requestSize(text: string): number {
  const [, digits, unit] = /^(\d{1,6})(KiB|MiB)$/.exec(text) ?? [];
  const bytes = Number(digits) * (SIZE_UNITS[unit ?? ""] ?? Number.NaN);
  if (bytes >= 64 * 1024 && bytes <= 256 * 1024 * 1024) return bytes;
  throw new Error("use 64KiB to 256MiB, such as 16MiB");
}

/** The text of a certificate file. @throws Error that names the file. */
export function readCertificates(path: string | undefined): string | undefined {
  if (path === undefined) return undefined;
  const text = readText(path, "--master-ca: ");
  if (!text.includes("-----BEGIN CERTIFICATE-----")) throw new Error(`--master-ca: ${path} holds no PEM certificate`);
  return text;
}

/** The specification itself, or what the file holds that `file:///path` names: so credentials stay off the command line. */
function specText(master: string): string {
  if (!master.startsWith("file://")) return master;
  return readText(master.slice("file://".length), "");
}

function readText(path: string, prefix: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    throw new Error(`${prefix}${path} can't be read: ${(error as Error).message}`);
  }
}

function hostAndPort(text: string): string {
  const [, port] = /^(?:[^:\s]+|\[[0-9a-fA-F:.]+\]):(\d{1,5})$/.exec(text) ?? [];
  if (port !== undefined && Number(port) <= 65_535) return text;
  throw new Error("use host:port, such as 127.0.0.1:50051; port 0 takes any");
}

const UNITS: Record<string, number> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 };

/** A duration such as `500ms`, `60s`, `5m` or `24h`, in ms. */
function milliseconds(text: string): number {
  const [, digits, unit] = /^(\d+(?:\.\d+)?)(ms|s|m|h)$/.exec(text) ?? [];
  const factor = UNITS[unit ?? ""];
  if (digits !== undefined && factor !== undefined) return Number(digits) * factor;
  throw new Error(`'${text}' is not a duration: use 500ms, 60s, 5m or 24h`);
}
