import { type CommandInfo, ExecutorInfo, type TaskInfo, Value_Type } from "../../gen/mesos/v1/mesos.js";

/** What the agent adds for the executor of a command task. */
const COMMAND_EXECUTOR_CPUS = 0.1;
const COMMAND_EXECUTOR_MEM = 32;
/** How much of a command an executor's name holds. */
const MAX_SUMMARY = 15;

/** The executor that an agent makes up for a command task. */
export function commandExecutorInfo(task: TaskInfo | undefined, frameworkId: string): ExecutorInfo {
  const scalar = (name: string, value: number) => ({ name, type: Value_Type.SCALAR, scalar: { value } });
  const allocationInfo = task?.resources[0]?.allocationInfo;
  const resources = [scalar("cpus", COMMAND_EXECUTOR_CPUS), scalar("mem", COMMAND_EXECUTOR_MEM)];
  const { command } = task ?? {};
  return ExecutorInfo.create({
    executorId: { value: task?.taskId?.value ?? "" },
    frameworkId: { value: frameworkId },
    name: `Command Executor (Task: ${task?.taskId?.value ?? ""}) (Command: ${summary(command)})`,
    source: task?.taskId?.value ?? "",
    command: {
      uris: command?.uris ?? [],
      environment: command?.environment,
      user: command?.user,
      shell: false,
      value: "mesos-executor",
      arguments: ["mesos-executor"],
    },
    resources: resources.map((resource) => ({ ...resource, allocationInfo })),
    container: task?.container,
    labels: task?.labels,
    discovery: task?.discovery,
  });
}

function summary(command: CommandInfo | undefined): string {
  const { shell = true, value, arguments: args = [] } = command ?? {};
  if (shell) return value === undefined ? "NO COMMAND" : `sh -c '${shortened(value)}'`;
  return value === undefined ? "NO EXECUTABLE" : `[${shortened(`${value}, ${args.join(", ")}`)}]`;
}

/** Counted in bytes. */
function shortened(text: string): string {
  const bytes = Buffer.from(text);
  return bytes.length <= MAX_SUMMARY ? text : `${bytes.toString("utf8", 0, MAX_SUMMARY - 3)}...`;
}
