import type { AgentRegistration } from "../link.js";
import type { AgentState } from "./state.js";

/** What the agent tells a master when it registers; with all that runs, if it registered before. */
export function registrationOf(state: AgentState): AgentRegistration {
  const frameworks = [...state.frameworks.values()].filter((framework) => !framework.terminating);
  const executors = frameworks.flatMap((framework) => [...framework.executors.values()]);
  return {
    id: state.id,
    info: state.described,
    pid: state.pid,
    total: state.total.list(),
    frameworks: frameworks.map(({ info }) => info),
    tasks: executors.flatMap((executor) =>
      [...executor.launched.values(), ...executor.ended.values()].map(({ record }) => {
        const current = state.updates.current(executor.frameworkId, record.taskId?.value ?? "");
        // What the framework was told lags behind while updates wait for acknowledgements.
        const told = current ?? record.statuses.at(-1);
        return {
          ...record,
          statusUpdateState: told?.state ?? record.state,
          statusUpdateUuid: told?.uuid,
        };
      }),
    ),
    executors: executors
      .filter((executor) => !executor.isCommand && executor.state !== "terminated")
      .map((executor) => ({ frameworkId: executor.frameworkId, info: executor.info })),
    operations: [...state.operations.values()],
  };
}
