import { constants, readFileSync } from "node:fs";
import { access as accessTo, stat } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import type { Clock } from "../../../wire/clock.js";
import { errorText } from "../../../wire/errorText.js";
import type { Log } from "../../log.js";
import { registryOf } from "../../validation/validator.js";
import { openAccess } from "../access.js";
import { authenticationOf } from "../masterAuthentication.js";
import { type OpenTls, openMasterTls, openZookeeperTls } from "../mesosTls.js";
import { openPrincipals } from "../principals.js";
import type { ServeConfig } from "../serveConfig.js";
import { type Check, type Finding, fail, ok, warn } from "./check.js";
import type { Examination } from "./examination.js";
import { WarningsLog } from "./quietLogs.js";
import { failed, troubleOf, withOthers } from "./sentence.js";

const OTHERS_MAY_READ = 0o004;
const SOON_MS = 14 * 86_400_000;
const OTHERWISE = "Correct the file, or the option that names it.";

export const CLIENT_FILES = "files for clients";
export const CREDENTIAL_FILES = "files with credentials";
export const MASTER_TLS_FILES = "files for TLS to masters";
export const ZOOKEEPER_TLS_FILES = "files for TLS to ZooKeeper";

/** The certificate, its key and the authorities, tokens, keys for JWTs, permissions: as serve reads them. */
export const clientFiles: Check = {
  name: CLIENT_FILES,
  run: async (examination) => {
    const log = new WarningsLog();
    const { config, machine } = examination;
    try {
      // The audit log would be created, and the keys at a URL are another check's.
      const access = await openAccess({ ...config, auditLog: undefined }, machine.clock, log, examination.opened);
      examination.protection = access.protection;
      const validTo = access.tls?.value.certificate.validTo;
      return expiring(config.tlsCert, validTo, machine.clock.wallTime()) ?? warningOf(log) ?? ok(given(config));
    } catch (error) {
      return failed(error, OTHERWISE);
    }
  },
};

/** Keys for JWTs that are at a URL. */
export const issuerKeys: Check = {
  name: "keys of the issuer of tokens",
  needs: [CLIENT_FILES],
  applies: ({ config: { jwks } }) => jwks !== undefined && /^https?:/i.test(jwks),
  run: async ({ config: { jwks = "" }, machine }) => {
    const { IssuerKeys } = await import("../../access/issuerKeys.js");
    const log = new WarningsLog();
    const keys = new IssuerKeys(jwks, machine.clock, log);
    try {
      if (await keys.refresh()) return ok(`${jwks} has keys`);
      const { reason = "they can't be read" } = (log.warnings[0]?.fields ?? {}) as { reason?: string };
      return fail(
        `--jwks: ${jwks} can't be read: ${reason}`,
        "Check that this URL answers from this machine with a JSON Web Key Set.",
      );
    } finally {
      keys.close();
    }
  },
};

/** The file is appended to, or made in its directory. */
export const auditFile: Check = {
  name: "audit log",
  applies: ({ config: { auditLog } }) => auditLog !== undefined && auditLog !== "-",
  run: async ({ config: { auditLog = "" } }) => {
    try {
      const found = await stat(auditLog).catch(() => undefined);
      if (found?.isDirectory()) return fail(`--audit-log: ${auditLog} is a directory`, "Name a file in it.");
      const path = found ? auditLog : dirname(resolve(auditLog));
      await accessTo(path, found ? constants.W_OK : constants.W_OK | constants.X_OK);
      return ok(`${auditLog} can be written`);
    } catch (error) {
      const { cause, cure } = troubleOf(errorText(error), "Make its directory, and let the bridge's user write there.");
      return fail(`--audit-log: ${auditLog} can't be written: ${cause}`, cure);
    }
  },
};

export const admissionRules: Check = {
  name: "admission rules",
  applies: ({ config: { admission } }) => admission !== undefined,
  run: async ({ config: { admission: path = "" }, machine: { clock } }) => {
    const { openAdmissionFile } = await import("../../access/admission/admissionFile.js");
    const log = new WarningsLog();
    try {
      const registry = registryOf(readFileSync(new URL("../../../gen/descriptors.binpb", import.meta.url)));
      (await openAdmissionFile({ path, registry, clock, log })).close();
      return warningOf(log) ?? ok(`the rules of ${path} can be used`);
    } catch (error) {
      return failed(error, "Correct the rule; 'mesos-bridge admission check' tries it.");
    }
  },
};

export const credentialFiles: Check = {
  name: CREDENTIAL_FILES,
  applies: ({ config }) =>
    [config.secretFile, config.tokenFile, config.frameworkPrincipals].some((path) => path !== undefined),
  run: async (examination) => {
    const { config, machine } = examination;
    const log = new WarningsLog();
    try {
      examination.authentication = await authenticationOf(config, machine.clock);
      const { frameworkPrincipals } = config;
      const opening = openPrincipals(frameworkPrincipals, examination.authentication, log, machine.clock);
      const principals = examination.opened.add(await opening);
      examination.principals = principals.book;
      return (await readByOthers(config.secretFile ?? config.tokenFile)) ?? warningOf(log) ?? ok("they can be read");
    } catch (error) {
      return failed(error, "Correct the path, or let the bridge's user read it.");
    }
  },
};

export const masterTlsFiles: Check = {
  name: MASTER_TLS_FILES,
  applies: ({ config }) => (config.masterCa ?? config.masterCert) !== undefined,
  run: async (examination) => openedTls(openMasterTls, examination, "masterTls"),
};

export const zookeeperTlsFiles: Check = {
  name: ZOOKEEPER_TLS_FILES,
  applies: ({ config }) => (config.zkCa ?? config.zkCert) !== undefined,
  run: async (examination) => openedTls(openZookeeperTls, examination, "zookeeperTls"),
};

async function openedTls(
  open: (config: ServeConfig, log: Log, clock: Clock) => Promise<OpenTls>,
  examination: Examination,
  slot: "masterTls" | "zookeeperTls",
): Promise<Finding> {
  const log = new WarningsLog();
  try {
    const { config, machine, opened } = examination;
    examination[slot] = opened.add(await open(config, log, machine.clock)).tls;
    return warningOf(log) ?? ok("they can be used");
  } catch (error) {
    return failed(error, OTHERWISE);
  }
}

function expiring(path = "", validTo: string | undefined, nowMs: number): Finding | undefined {
  if (validTo === undefined || Date.parse(validTo) - nowMs > SOON_MS) return undefined;
  return warn(
    `--tls-cert: the certificate in ${path} expires on ${validTo}`,
    "Renew it and its key; a bridge that runs reads them again.",
  );
}

async function readByOthers(path: string | undefined): Promise<Finding | undefined> {
  if (path === undefined || ((await stat(path)).mode & OTHERS_MAY_READ) === 0) return undefined;
  return warn(`every user of this machine can read ${path}`, "Take that right away with chmod o-rwx.");
}

/** What a part of the bridge would have warned of in the log. */
function warningOf({ warnings }: WarningsLog): Finding | undefined {
  const [first, ...more] = warnings;
  if (first === undefined) return undefined;
  const { cause, cure } = troubleOf(first.message, "Correct the file.");
  return warn(withOthers(cause, more.length), cure);
}

const NAMES = {
  tlsCert: "TLS",
  tlsClientCa: "clients' certificates",
  clientTokens: "tokens",
  jwks: "JWTs",
  permissions: "permissions",
};

function given(config: ServeConfig): string {
  const names = Object.entries(NAMES).filter(([key]) => config[key as keyof typeof NAMES] !== undefined);
  if (names.length === 0) return "none are given: clients are not authenticated";
  return `can be used: ${names.map(([, name]) => name).join(", ")}`;
}
