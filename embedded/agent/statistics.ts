import { type Answer, jsonAnswer, type Request } from "../http/answer.js";
import type { Executor } from "./executor.js";
import { usageOf } from "./processTree.js";
import type { AgentState } from "./state.js";

const BYTES_PER_MB = 1024 * 1024;

/** GET /monitor/statistics: what the executors that run use. */
export function statisticsJson(state: AgentState): Answer {
  return jsonAnswer(JSON.stringify(running(state).map((executor) => describe(state, executor))));
}

/** GET /containers: the same, with what they run in; or the one with `container_id`. */
export function containersJson(state: AgentState, { query }: Request): Answer {
  const id = query.get("container_id");
  const wanted = running(state).filter(({ containerId }) => id === null || id === containerId);
  const containers = wanted.map((executor) => ({
    container_id: executor.containerId,
    ...describe(state, executor),
    status: { container_id: { value: executor.containerId }, executor_pid: executor.container?.pid },
  }));
  return jsonAnswer(JSON.stringify(containers));
}

function running(state: AgentState): Executor[] {
  const executors = [...state.frameworks.values()].flatMap((framework) => [...framework.executors.values()]);
  return executors.filter((executor) => executor.container !== undefined && executor.state !== "terminated");
}

function describe(state: AgentState, executor: Executor): Record<string, unknown> {
  const { resources, container } = executor;
  const memory = (resources.milli("mem") / 1000) * BYTES_PER_MB;
  const usage = container?.pid === undefined ? undefined : usageOf(container.pid);
  return {
    executor_id: executor.id,
    executor_name: executor.info.name ?? "",
    framework_id: executor.frameworkId,
    source: executor.info.source ?? "",
    statistics: {
      cpus_soft_limit: resources.milli("cpus") / 1000,
      ...(usage && {
        cpus_system_time_secs: usage.systemSecs,
        cpus_user_time_secs: usage.userSecs,
        mem_rss_bytes: usage.rssBytes,
      }),
      mem_limit_bytes: memory,
      mem_soft_limit_bytes: memory,
      timestamp: state.clock.now() / 1000,
    },
  };
}
