import type { ExecutorInfo, FrameworkInfo } from "../../gen/mesos/v1/mesos.js";
import { formatDuration } from "../duration.js";
import type { Flags } from "../flags.js";
import { commandEnvironment } from "./commandLine.js";

export interface EnvironmentFacts {
  readonly flags: Flags;
  readonly framework: FrameworkInfo;
  readonly executor: ExecutorInfo;
  readonly sandbox: string;
  readonly agentId: string;
  readonly agentPid: string;
}

/** All that an executor finds in its environment; of the agent's own only PATH and HOME. */
export function executorEnvironment(facts: EnvironmentFacts): Record<string, string> {
  const { flags, framework, executor, sandbox } = facts;
  const checkpoint = framework.checkpoint ?? false;
  return {
    PATH: process.env.PATH ?? "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    HOME: process.env.HOME ?? sandbox,
    LIBPROCESS_IP: "127.0.0.1",
    LIBPROCESS_PORT: "0",
    MESOS_FRAMEWORK_ID: framework.id?.value ?? "",
    MESOS_EXECUTOR_ID: executor.executorId?.value ?? "",
    MESOS_DIRECTORY: sandbox,
    MESOS_SLAVE_ID: facts.agentId,
    MESOS_SLAVE_PID: facts.agentPid,
    MESOS_AGENT_ENDPOINT: facts.agentPid.slice(facts.agentPid.indexOf("@") + 1),
    MESOS_CHECKPOINT: checkpoint ? "1" : "0",
    MESOS_HTTP_COMMAND_EXECUTOR: "1",
    MESOS_EXECUTOR_SHUTDOWN_GRACE_PERIOD: formatDuration(shutdownGraceMs(flags, executor)),
    ...(checkpoint
      ? {
          MESOS_RECOVERY_TIMEOUT: formatDuration(flags.duration("recovery_timeout")),
          MESOS_SUBSCRIPTION_BACKOFF_MAX: formatDuration(flags.duration("executor_reregistration_timeout")),
        }
      : {}),
    MESOS_SANDBOX: sandbox,
    ...commandEnvironment(executor.command),
  };
}

/** How long an executor has between SHUTDOWN and its end. */
export function shutdownGraceMs(flags: Flags, executor: ExecutorInfo): number {
  const own = executor.shutdownGracePeriod?.nanoseconds;
  return own === undefined ? flags.duration("executor_shutdown_grace_period") : Number(own) / 1e6;
}
