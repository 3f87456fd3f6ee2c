import type { JsonObject, JsonValue } from "@bufbuild/protobuf";
import { HttpProxy, proxyEnvironment } from "../support/httpProxy.js";
import { filled, type Part, type ScriptedAddress } from "./case.js";
import { type DriverOutput, type LanguageDriver, RunFailure } from "./driverProcess.js";
import { listMismatches, mismatches } from "./match.js";
import { expanded } from "./messages.js";

const DRIVER_TIMEOUT_MS = 50_000;

/** What both kinds of bridge do for a case. */
export interface Side {
  readonly address: string;
  addressOf?(which: ScriptedAddress): string;
  /** A command that a step ends. The scripted bridge runs none. */
  readonly gate?: string;
  /** What no step was for. */
  readonly unexpected?: readonly string[];
  /** Files that stand for {{name}}. */
  readonly files?: Readonly<Record<string, string>>;
  play(steps: NonNullable<Part["steps"]>): Promise<void>;
  stop(): Promise<void>;
}

/** Runs the driver against the bridge; says what is wrong, line by line. */
export async function runPart(
  side: Side,
  driver: LanguageDriver,
  part: Part,
  frameworkName: string,
): Promise<string[]> {
  if (part.proxy === undefined) return await runBeside(undefined, side, driver, part, frameworkName);
  const proxy = await HttpProxy.start(part.proxy.status);
  try {
    return await runBeside(proxy, side, driver, part, frameworkName);
  } finally {
    await proxy.stop();
  }
}

async function runBeside(
  proxy: HttpProxy | undefined,
  side: Side,
  driver: LanguageDriver,
  part: Part,
  frameworkName: string,
): Promise<string[]> {
  const bridge = addressesFor(part, side);
  const proxyAddress = `127.0.0.1:${proxy?.port}`;
  const values = { bridge, proxy: proxyAddress, ...side.files, ...(side.gate !== undefined && { gate: side.gate }) };
  const input = filled(expanded({ frameworkName, user: "nobody", ...part.driver, bridge }), values) as JsonObject;
  const environment = part.proxy?.inEnvironment
    ? { ...proxyEnvironment(proxyAddress), ...part.environment }
    : part.environment;
  const running = driver.drive(input, DRIVER_TIMEOUT_MS, environment).catch((error: Error) => error);
  const played = await side.play(part.steps ?? []).catch((error: Error) => error);
  const output = await running;
  const failures = played instanceof Error ? [played.message] : [];
  if (proxy !== undefined) failures.push(...wrongAtProxy(proxy, filled(part.proxy?.expect ?? [], values)));
  return [...failures, ...leaks(part, output), ...wrongIn(output, filled(part.expect as JsonObject, values))];
}

/** Where a port that nobody listens on refuses connections. */
const ABSENT = "127.0.0.1:1";
/** An address for documentation, which no host has. */
const REMOTE = "192.0.2.1:50051";

function addressesFor({ bridges, bridgeHost = "127.0.0.1" }: Part, side: Side): string {
  if (bridges === undefined) return side.address.replace("127.0.0.1", bridgeHost);
  const addressOf = (one: ScriptedAddress | "absent" | "remote") =>
    one === "absent" ? ABSENT : one === "remote" ? REMOTE : side.addressOf?.(one);
  return bridges.map(addressOf).join(",");
}

/** Tokens are secrets: nothing that a library says has one in it. */
function leaks({ driver }: Part, output: DriverOutput | Error): string[] {
  const { token, tokens = [] } = (driver.options ?? {}) as { token?: string; tokens?: (string | null)[] };
  const said = output instanceof Error ? output.message : JSON.stringify(output);
  const secrets = [token, ...tokens].flatMap((one) => one?.trim() || []);
  return secrets.filter((secret) => said.includes(secret)).map((secret) => `the token ${secret} was told: ${said}`);
}

function wrongAtProxy({ connections, requests }: HttpProxy, expected: JsonValue): string[] {
  const list = expected as JsonValue[];
  if (list.length === 0) return connections === 0 ? [] : [`proxy: ${connections} connections were made to it`];
  return listMismatches(list, requests as unknown as JsonValue[]).map((line) => `proxy: ${line}`);
}

function wrongIn(output: DriverOutput | Error, expected: JsonValue): string[] {
  const { events = [], calls, error = null, failure } = expected as Part["expect"];
  if (failure !== undefined) {
    if (output instanceof RunFailure) return mismatches(failure, output.message).map((line) => `failure: ${line}`);
    return [`the options should be refused, and ${output instanceof Error ? output.message : "were not"}`];
  }
  if (output instanceof RunFailure) return [`the run failed: ${output.message}`];
  if (output instanceof Error) return [output.message];
  return [
    ...listMismatches(events, output.events).map((line) => `events: ${line}`),
    ...(calls === undefined ? [] : listMismatches(calls, output.calls).map((line) => `calls: ${line}`)),
    ...mismatches(error, output.error).map((line) => `error: ${line}`),
  ];
}
