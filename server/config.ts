import { readFileSync } from "node:fs";
import { z } from "zod";
import { parseMasterSpec } from "./mesos/masterSpec.js";

const DAY_MS = 24 * 3_600_000;

/** What `mesos-bridge serve` is told. */
const schema = z
  .strictObject({
    master: z.string(),
    masterScheme: z.enum(["http", "https"], "use http or https").default("http"),
    listen: z.string().refine(isHostAndPort, "use host:port, such as 127.0.0.1:50051; port 0 takes any"),
    dataDir: z.string().min(1, "name a directory"),
    principal: z.string().min(1).optional(),
    secretFile: z.string().min(1).optional(),
    tokenFile: z.string().min(1).optional(),
    masterCa: z.string().min(1).optional(),
    defaultLease: z.string().default("60s").transform(milliseconds),
    offerHold: z.string().default("5s").transform(milliseconds),
    clientTimeout: z
      .string()
      .default("50s")
      .transform(milliseconds)
      .refine((ms) => ms >= 100 && ms <= DAY_MS, "use 100ms to 24h"),
    missedHeartbeats: z
      .string()
      .regex(/^([2-9]|[1-9]\d|100)$/, "use a number from 2 to 100: a single heartbeat may be late")
      .default("5")
      .transform(Number),
    logLevel: z.enum(["debug", "info", "warn", "error"]).default("info"),
  })
  .refine((config) => (config.principal === undefined) === (config.secretFile === undefined), {
    message: "--principal and --secret-file go together",
  })
  .refine((config) => config.principal === undefined || config.tokenFile === undefined, {
    message: "use either --principal and --secret-file, or --token-file",
  })
  .transform((config, context) => {
    try {
      return { ...config, master: parseMasterSpec(specText(config.master), config.masterScheme) };
    } catch (error) {
      context.addIssue({ code: "custom", path: ["master"], message: (error as Error).message });
      return z.NEVER;
    }
  });

export type ServeConfig = z.output<typeof schema>;

/** @throws Error with one line for the person who typed the flags. */
export function parseServeConfig(flags: Record<string, unknown>): ServeConfig {
  const result = schema.safeParse(flags);
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  const flag = issue?.path[0];
  throw new Error(`${flag === undefined ? "" : `${flagName(String(flag))}: `}${issue?.message ?? "invalid"}`);
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

function isHostAndPort(text: string): boolean {
  const [, port] = /^(?:[^:\s]+|\[[0-9a-fA-F:]+\]):(\d{1,5})$/.exec(text) ?? [];
  return port !== undefined && Number(port) <= 65_535;
}

function flagName(key: string): string {
  return `--${key.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
}

const UNITS: Record<string, number> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 };

/** A duration such as `500ms`, `60s`, `5m` or `24h`, in ms. */
function milliseconds(text: string, context: z.RefinementCtx): number {
  const [, digits, unit] = /^(\d+(?:\.\d+)?)(ms|s|m|h)$/.exec(text) ?? [];
  const factor = UNITS[unit ?? ""];
  if (digits !== undefined && factor !== undefined) return Number(digits) * factor;
  context.addIssue({ code: "custom", message: `'${text}' is not a duration: use 500ms, 60s, 5m or 24h` });
  return z.NEVER;
}
