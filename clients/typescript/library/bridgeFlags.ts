import { readFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { type Command, InvalidArgumentError, Option } from "commander";
import { errorText } from "../../../wire/errorText.js";
import type { TlsOptions, Token } from "./access.js";
import { UsageError } from "./usageError.js";

/** Which bridge, and how to reach it. */
export interface BridgeFlags {
  bridge: string;
  bridgeCa?: string;
  bridgeCert?: string;
  bridgeKey?: string;
  bridgeTokenFile?: string;
}

/** Adds `--bridge` and the flags for TLS and a token, each of which is also an environment variable. */
export function addBridgeFlags(command: Command): Command {
  const file = (flag: string, what: string) => {
    const environment = flag.replace("--bridge-", "MESOS_BRIDGE_").replaceAll("-", "_").toUpperCase();
    return new Option(`${flag} <file>`, what).env(environment);
  };
  return command
    .option(
      "--bridge <host:port>",
      "the Mesos bridge: HOST:PORT or unix:/PATH, or several addresses where it may be: a:50051,b:50051",
      addresses,
      "127.0.0.1:50051",
    )
    .addOption(file("--bridge-ca", "the authority of the bridge's certificate, in PEM: use TLS"))
    .addOption(file("--bridge-cert", "this client's certificate, in PEM, if the bridge asks for one"))
    .addOption(file("--bridge-key", "the key of --bridge-cert, in PEM"))
    .addOption(file("--bridge-token-file", "holds the token that says who this client is; read anew for each use"));
}

/**
 * What those flags mean for a scheduler.
 *
 * @throws UsageError for a file that can't be read
 */
export function bridgeOptions(flags: BridgeFlags): { bridge: string; tls?: TlsOptions; token?: Token } {
  const { bridge, bridgeCa, bridgeCert, bridgeKey, bridgeTokenFile } = flags;
  const tls: TlsOptions = {
    ...(bridgeCa !== undefined && { ca: readPem("--bridge-ca", bridgeCa) }),
    ...(bridgeCert !== undefined && { cert: readPem("--bridge-cert", bridgeCert) }),
    ...(bridgeKey !== undefined && { key: readPem("--bridge-key", bridgeKey) }),
  };
  return {
    bridge,
    ...(Object.keys(tls).length > 0 && { tls }),
    ...(bridgeTokenFile !== undefined && { token: tokenFrom(bridgeTokenFile) }),
  };
}

function readPem(flag: string, path: string): Buffer {
  try {
    return readFileSync(path);
  } catch (error) {
    throw new UsageError(`${flag} can't be read: ${errorText(error)}`);
  }
}

function tokenFrom(path: string): Token {
  if (readPem("--bridge-token-file", path).toString().trim() === "") {
    throw new UsageError(`--bridge-token-file: ${path} is empty`);
  }
  return async () => (await readFile(path, "utf8")).trim();
}

function addresses(text: string): string {
  const isAddress = (one: string) => /^(unix:.+|(\[[0-9a-fA-F:.]+\]|[^:/\s]+):\d{1,5})$/.test(one.trim());
  if (text.split(",").every(isAddress)) return text;
  throw new InvalidArgumentError(
    "It must be HOST:PORT, such as 127.0.0.1:50051, unix:/PATH, or several of them with commas between them.",
  );
}
