import { readFileSync } from "node:fs";
import { parseDuration } from "../../wire/duration.js";

/** How an agent is spoken to over TLS: what Node's `tls.connect` takes. */
export interface AgentTls {
  ca?: Buffer;
  cert?: Buffer;
  key?: Buffer;
  rejectUnauthorized: boolean;
}

/** What an agent tells an executor that it starts, read from the environment. */
export interface ExecutorEnvironment {
  /** Scheme, host and port of the agent. */
  origin: string;
  /** Path of the executor API on the agent, such as `/slave(1)/api/v1/executor`. */
  path: string;
  executorId: string;
  frameworkId: string;
  /** True: the executor outlives its agent, and subscribes again when the agent is back. */
  checkpoint: boolean;
  /** From SHUTDOWN until the agent kills the executor. Default 5 s, as the agent's. */
  shutdownGraceMs: number;
  /** How long a lost agent is waited for. Default 15 min, as the agent's. */
  recoveryTimeoutMs: number;
  /** How long a restarted agent waits for its executors; an attempt is made at least twice in that time. Default 2 s. */
  subscriptionBackoffMaxMs: number;
  /** Bearer token for the agent; undefined where the agent asks for none. */
  token: string | undefined;
  /** Set when the agent speaks TLS. */
  tls: AgentTls | undefined;
}

/** The process was not started as an executor, or in a way that this library can't serve. */
export class ExecutorEnvironmentError extends Error {
  override readonly name = "ExecutorEnvironmentError";
}

/**
 * Reads the variables that a Mesos agent sets for an executor. The address and the path come from
 * MESOS_SLAVE_PID, as in Mesos's own library: agents that share a process differ in the path alone.
 *
 * The authentication token is removed from `env`, so that no child process inherits it.
 *
 * @throws ExecutorEnvironmentError that names the variable
 */
export function readExecutorEnvironment(env: NodeJS.ProcessEnv = process.env): ExecutorEnvironment {
  const token = env.MESOS_EXECUTOR_AUTHENTICATION_TOKEN;
  delete env.MESOS_EXECUTOR_AUTHENTICATION_TOKEN;
  if (env.MESOS_DOMAIN_SOCKET) {
    throw new ExecutorEnvironmentError(
      "MESOS_DOMAIN_SOCKET is set, and this executor speaks TCP only: run the agent without --http_executor_domain_sockets",
    );
  }
  const tls = readTls(env);
  return {
    ...agentEndpoint(required(env, "MESOS_SLAVE_PID"), tls ? "https" : "http"),
    executorId: required(env, "MESOS_EXECUTOR_ID"),
    frameworkId: required(env, "MESOS_FRAMEWORK_ID"),
    checkpoint: flag(env.MESOS_CHECKPOINT),
    shutdownGraceMs: duration(env, "MESOS_EXECUTOR_SHUTDOWN_GRACE_PERIOD", 5_000),
    recoveryTimeoutMs: duration(env, "MESOS_RECOVERY_TIMEOUT", 15 * 60_000),
    subscriptionBackoffMaxMs: duration(env, "MESOS_SUBSCRIPTION_BACKOFF_MAX", 2_000),
    token: token || undefined,
    tls,
  };
}

function agentEndpoint(pid: string, scheme: string): { origin: string; path: string } {
  const match = /^([^@/\s]+)@(\[[0-9a-fA-F:.]+\]|[^@:/\s]+):(\d{1,5})$/.exec(pid);
  if (!match) {
    throw new ExecutorEnvironmentError(`MESOS_SLAVE_PID is '${pid}', but should be as slave(1)@127.0.0.1:5051`);
  }
  const [, process, host, port] = match;
  return { origin: `${scheme}://${host}:${port}`, path: `/${process}/api/v1/executor` };
}

/** Agents that speak TLS have it configured through LIBPROCESS_SSL_*, and their executors inherit that. */
function readTls(env: NodeJS.ProcessEnv): AgentTls | undefined {
  if (!flag(env.LIBPROCESS_SSL_ENABLED)) return undefined;
  const tls: AgentTls = {
    rejectUnauthorized: flag(env.LIBPROCESS_SSL_VERIFY_SERVER_CERT) || flag(env.LIBPROCESS_SSL_VERIFY_CERT),
  };
  const files = {
    ca: "LIBPROCESS_SSL_CA_FILE",
    cert: "LIBPROCESS_SSL_CERT_FILE",
    key: "LIBPROCESS_SSL_KEY_FILE",
  } as const;
  for (const [field, name] of Object.entries(files) as [keyof typeof files, string][]) {
    const path = env[name];
    if (!path) continue;
    try {
      tls[field] = readFileSync(path);
    } catch (error) {
      throw new ExecutorEnvironmentError(`${name}: ${error instanceof Error ? error.message : String(error)}`);
    }
  }
  return tls;
}

function required(env: NodeJS.ProcessEnv, name: string): string {
  const value = env[name];
  if (!value) {
    throw new ExecutorEnvironmentError(`${name} is not set: an executor is started by a Mesos agent, and not by hand`);
  }
  return value;
}

function flag(value: string | undefined): boolean {
  return value === "1" || value === "true";
}

function duration(env: NodeJS.ProcessEnv, name: string, fallbackMs: number): number {
  const text = env[name];
  if (!text) return fallbackMs;
  try {
    return parseDuration(text);
  } catch (error) {
    throw new ExecutorEnvironmentError(`${name}: ${error instanceof Error ? error.message : String(error)}`);
  }
}
