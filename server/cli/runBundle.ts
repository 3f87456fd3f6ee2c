import { errorText } from "../../wire/errorText.js";
import { checkBridgeOptions } from "./bundle/bridgeState.js";
import { type BundleSources, bundleOf, writeBundle } from "./bundle/bundle.js";
import { BUNDLE_OPTIONS, type BundleFlags } from "./bundle/options.js";
import { Redactor } from "./bundle/redactor.js";
import { configFrom } from "./configured.js";
import { readOptions, type ValuesOf } from "./options.js";
import { USAGE_ERROR } from "./runProgram.js";
import type { ServeConfig } from "./serveConfig.js";

/** `debug bundle`: writes the archive and says what it lacks. */
export async function runBundle(flags: BundleFlags): Promise<void> {
  let status = USAGE_ERROR;
  const redactor = new Redactor();
  try {
    const values = readOptions(BUNDLE_OPTIONS, flags);
    const sources = await sourcesOf(flags, values, redactor);
    status = 1;
    const bundle = await bundleOf(sources);
    await writeBundle(values.output, bundle);
    const lines = [
      `${values.output}: ${bundle.files.length} files, ${bundle.bytes.length} bytes`,
      ...bundle.missing.map((line) => `not in it: ${line}`),
    ];
    process.stdout.write(`${lines.join("\n")}\n`);
  } catch (error) {
    process.stderr.write(`mesos-bridge debug bundle: ${redactor.redact(errorText(error))}\n`);
    process.exitCode = status;
  }
}

async function sourcesOf(
  flags: BundleFlags,
  values: ValuesOf<typeof BUNDLE_OPTIONS>,
  redactor: Redactor,
): Promise<BundleSources> {
  const { bridge: address, bridgeCa, bridgeCert, bridgeKey, bridgeTokenFile, metricsUrl, logFile } = values;
  const bridge =
    address === undefined ? undefined : { bridge: address, bridgeCa, bridgeCert, bridgeKey, bridgeTokenFile };
  if (bridge) checkBridgeOptions(bridge);
  const { env } = process;
  const isWhole = flags.master !== undefined && flags.dataDir !== undefined;
  const isInFile = (flags.config ?? env.MESOS_BRIDGE_CONFIG) !== undefined;
  const config = isWhole || isInFile ? configFrom({ flags, env }) : undefined;
  await rememberSecrets(redactor, config ?? flags, config);
  await redactor.rememberFile(bridgeTokenFile);
  if (metricsUrl && metricsUrl.username !== "") redactor.rememberUser(`${metricsUrl.username}:${metricsUrl.password}`);
  return { config, dataDir: config?.dataDir ?? flags.dataDir, bridge, metricsUrl, logFile, redactor };
}

/** All that the options of `serve` name, even if they are not given as a whole. */
async function rememberSecrets(
  redactor: Redactor,
  given: Pick<BundleFlags, "secretFile" | "principal" | "tokenFile" | "frameworkPrincipals">,
  config: ServeConfig | undefined,
): Promise<void> {
  await redactor.rememberFile(given.secretFile, given.principal);
  await redactor.rememberFile(given.tokenFile);
  await redactor.rememberPrincipals(given.frameworkPrincipals);
  if (config?.master.kind === "zookeeper" && config.master.auth !== undefined)
    redactor.rememberUser(config.master.auth);
}
