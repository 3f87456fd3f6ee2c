import type { ExecutorInfo, FrameworkInfo } from "../../gen/mesos/v1/mesos.js";
import { formatDuration } from "../duration.js";
import type { Flags } from "../flags.js";
import { commandEnvironment } from "./commandLine.js";
import type { Executor } from "./executor.js";
import type { AgentState } from "./state.js";

/** All that an executor finds in its environment; of the agent's own only PATH and HOME. */
export function executorEnvironment(
  state: AgentState,
  framework: FrameworkInfo,
  { info, sandbox }: Executor,
): Record<string, string> {
  const checkpoint = framework.checkpoint ?? false;
  return {
    PATH: process.env.PATH ?? "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    HOME: process.env.HOME ?? sandbox,
    LIBPROCESS_IP: "127.0.0.1",
    LIBPROCESS_PORT: "0",
    MESOS_FRAMEWORK_ID: framework.id?.value ?? "",
    MESOS_EXECUTOR_ID: info.executorId?.value ?? "",
    MESOS_DIRECTORY: sandbox,
    MESOS_SLAVE_ID: state.id ?? "",
    MESOS_SLAVE_PID: state.pid,
    MESOS_AGENT_ENDPOINT: state.pid.slice(state.pid.indexOf("@") + 1),
    MESOS_CHECKPOINT: checkpoint ? "1" : "0",
    MESOS_HTTP_COMMAND_EXECUTOR: "1",
    MESOS_EXECUTOR_SHUTDOWN_GRACE_PERIOD: formatDuration(shutdownGraceMs(state.flags, info)),
    ...(checkpoint
      ? {
          MESOS_RECOVERY_TIMEOUT: formatDuration(state.flags.duration("recovery_timeout")),
          MESOS_SUBSCRIPTION_BACKOFF_MAX: formatDuration(state.flags.duration("executor_reregistration_timeout")),
        }
      : {}),
    MESOS_SANDBOX: sandbox,
    ...commandEnvironment(info.command),
  };
}

/** How long an executor has between SHUTDOWN and its end. */
export function shutdownGraceMs(flags: Flags, executor: ExecutorInfo): number {
  const own = executor.shutdownGracePeriod?.nanoseconds;
  return own === undefined ? flags.duration("executor_shutdown_grace_period") : Number(own) / 1e6;
}
