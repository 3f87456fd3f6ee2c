import { errorText } from "../../wire/errorText.js";
import { type MasterSpec, parseMasterSpec } from "../mesos/detect/masterSpec.js";
import { checkAccess } from "./checkAccess.js";
import { checkMasterTls, checkZookeeperTls } from "./mesosTls.js";
import { named, OptionsError, readOptions, type Typed, type ValuesOf } from "./options.js";
import { SERVE_OPTIONS } from "./serveOptions.js";
import { readText } from "./values.js";

/** What was typed, by the options' names in camel case. */
export type ServeFlags = Typed<typeof SERVE_OPTIONS>;

/** The settings of `mesos-bridge serve`. Durations in ms, sizes in bytes. */
export interface ServeConfig extends Omit<ValuesOf<typeof SERVE_OPTIONS>, "master"> {
  readonly master: MasterSpec;
}

/** @throws OptionsError with all problems, each one line that names options as flags */
export function parseServeConfig(flags: ServeFlags): ServeConfig {
  const values = readOptions(SERVE_OPTIONS, flags);
  let master: MasterSpec | undefined;
  const checks = [
    () => {
      master = named("master", () => parseMasterSpec(specText(values.master), values.masterScheme));
      checkMasterTls(values, master, values.masterScheme);
      checkZookeeperTls(values, master);
    },
    () => checkCredentials(values),
    () => checkTls(values),
    () => checkJwt(values),
    () => checkAccess(values),
    () => checkMetrics(values),
    () => checkTraces(values),
  ];
  const problems = checks.flatMap((check) => problemOf(check));
  if (master === undefined || problems.length > 0) throw new OptionsError(problems);
  return { ...values, master };
}

function problemOf(check: () => void): string[] {
  try {
    check();
    return [];
  } catch (error) {
    return [errorText(error)];
  }
}

function checkCredentials({ principal, secretFile, tokenFile }: ValuesOf<typeof SERVE_OPTIONS>): void {
  if ((principal === undefined) !== (secretFile === undefined)) {
    throw new Error("--principal and --secret-file go together");
  }
  if (principal !== undefined && tokenFile !== undefined) {
    throw new Error("use either --principal and --secret-file, or --token-file");
  }
}

function checkMetrics({ metricsFrameworks, http }: ValuesOf<typeof SERVE_OPTIONS>): void {
  if (metricsFrameworks > 0 && http === undefined) throw new Error("--metrics-frameworks needs --http");
}

function checkTraces({ tracesPercent, traces }: ValuesOf<typeof SERVE_OPTIONS>): void {
  if (tracesPercent > 0 && traces === undefined) throw new Error("--traces-percent needs --traces");
}

function checkJwt({ jwks, jwtIssuer, jwtAudience }: ValuesOf<typeof SERVE_OPTIONS>): void {
  const given = [jwks, jwtIssuer, jwtAudience].filter((value) => value !== undefined).length;
  if (given === 0 || given === 3) return;
  throw new Error("--jwks, --jwt-issuer and --jwt-audience go together: a token counts only with all three checked");
}

function checkTls({ tlsCert, tlsKey, tlsClientCa }: ValuesOf<typeof SERVE_OPTIONS>): void {
  if ((tlsCert === undefined) !== (tlsKey === undefined)) throw new Error("--tls-cert and --tls-key go together");
  if (tlsClientCa !== undefined && tlsCert === undefined) {
    throw new Error("--tls-client-ca needs --tls-cert and --tls-key: clients show certificates only over TLS");
  }
}

/** The specification, or the content of the file that `file:///path` names, which keeps credentials off the command line. */
function specText(master: string): string {
  return master.startsWith("file://") ? readText(master.slice("file://".length)) : master;
}
