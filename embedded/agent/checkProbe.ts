import { request as httpRequest, type IncomingMessage } from "node:http";
import { request as httpsRequest } from "node:https";
import { connect } from "node:net";
import { join } from "node:path";
import {
  CheckInfo_Type,
  type CheckStatusInfo,
  type CommandInfo,
  type HealthCheck,
  HealthCheck_Type,
  NetworkInfo_Protocol,
  type TaskInfo,
} from "../../gen/mesos/v1/mesos.js";
import { commandEnvironment, commandLine } from "./commandLine.js";
import { ProcessGroup } from "./processGroup.js";

/** As curl follows them. */
const MAX_REDIRECTS = 20;

/** Where probes run. */
export interface ProbePlace {
  readonly sandbox: string;
  readonly env: Readonly<Record<string, string>>;
}

/** What a task's check, or health check, looks at. */
export type Probe =
  | { readonly type: CheckInfo_Type.COMMAND; readonly command: CommandInfo }
  | { readonly type: CheckInfo_Type.HTTP; readonly url: string }
  | { readonly type: CheckInfo_Type.TCP; readonly host: string; readonly port: number };

export function probeOfCheck({ type, command, http, tcp }: NonNullable<TaskInfo["check"]>): Probe | undefined {
  switch (type) {
    case CheckInfo_Type.COMMAND:
      return command?.command && { type, command: command.command };
    case CheckInfo_Type.HTTP:
      return { type, url: `http://127.0.0.1:${http?.port}${http?.path ?? ""}` };
    case CheckInfo_Type.TCP:
      return { type, host: "127.0.0.1", port: tcp?.port ?? 0 };
    default:
      return undefined;
  }
}

export function probeOfHealthCheck({ type, command, http, tcp }: HealthCheck): Probe | undefined {
  switch (type) {
    case HealthCheck_Type.COMMAND:
      return command && { type: CheckInfo_Type.COMMAND, command };
    case HealthCheck_Type.HTTP: {
      const host = http?.protocol === NetworkInfo_Protocol.IPv6 ? "[::1]" : "127.0.0.1";
      return {
        type: CheckInfo_Type.HTTP,
        url: `${http?.scheme ?? "http"}://${host}:${http?.port}${http?.path ?? ""}`,
      };
    }
    case HealthCheck_Type.TCP: {
      const host = tcp?.protocol === NetworkInfo_Protocol.IPv6 ? "::1" : "127.0.0.1";
      return { type: CheckInfo_Type.TCP, host, port: tcp?.port ?? 0 };
    }
    default:
      return undefined;
  }
}

/** A check's status before there is a result. */
export function emptyStatus(type: CheckInfo_Type | undefined): CheckStatusInfo {
  return {
    type,
    ...(type === CheckInfo_Type.COMMAND && { command: {} }),
    ...(type === CheckInfo_Type.HTTP && { http: {} }),
    ...(type === CheckInfo_Type.TCP && { tcp: {} }),
  };
}

/** Looks once. @throws Error when there is no result: the command was killed, nobody answers HTTP, `signal` aborted. */
export async function look(probe: Probe, place: ProbePlace, signal: AbortSignal): Promise<CheckStatusInfo> {
  switch (probe.type) {
    case CheckInfo_Type.COMMAND:
      return { type: probe.type, command: { exitCode: await exitStatus(probe.command, place, signal) } };
    case CheckInfo_Type.HTTP:
      return { type: probe.type, http: { statusCode: await httpStatus(probe.url, signal, MAX_REDIRECTS) } };
    case CheckInfo_Type.TCP:
      return { type: probe.type, tcp: { succeeded: await connects(probe.host, probe.port, signal) } };
  }
}

/** The command's output goes to the sandbox's stderr, as the executor's own. */
async function exitStatus(command: CommandInfo, { sandbox, env }: ProbePlace, signal: AbortSignal): Promise<number> {
  signal.throwIfAborted();
  const stderr = join(sandbox, "stderr");
  const started = {
    ...commandLine(command),
    directory: sandbox,
    env: { ...env, ...commandEnvironment(command) },
    stdout: stderr,
    stderr,
  };
  let ended: (status: number) => void = () => {};
  const status = new Promise<number>((resolve) => {
    ended = resolve;
  });
  const group = await ProcessGroup.start(started, (how) => ended(how));
  const kill = () => group.signal("SIGKILL");
  signal.addEventListener("abort", kill, { once: true });
  if (signal.aborted) kill();
  try {
    const how = await status;
    signal.throwIfAborted();
    if ((how & 0x7f) !== 0) throw new Error("the command was killed");
    return how >> 8;
  } finally {
    signal.removeEventListener("abort", kill);
  }
}

function httpStatus(url: string, signal: AbortSignal, redirects: number): Promise<number> {
  return new Promise((resolve, reject) => {
    const answered = (answer: IncomingMessage) => {
      answer.resume();
      const { statusCode = 0 } = answer;
      const { location } = answer.headers;
      if (statusCode < 300 || statusCode >= 400 || location === undefined) return resolve(statusCode);
      if (redirects === 0) return reject(new Error("too many redirects"));
      resolve(httpStatus(new URL(location, url).href, signal, redirects - 1));
    };
    const request = url.startsWith("https:") ? httpsRequest : httpRequest;
    // The certificate is the task's own affair: only the answer counts.
    const outgoing = request(url, { agent: false, signal, rejectUnauthorized: false }, answered);
    outgoing.on("error", reject);
    outgoing.end();
  });
}

function connects(host: string, port: number, signal: AbortSignal): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host, port, signal });
    const done = (succeeded: boolean) => {
      socket.destroy();
      resolve(succeeded);
    };
    socket.once("connect", () => done(true));
    socket.once("error", (error) => (signal.aborted ? reject(error) : done(false)));
  });
}
