/**
 * The executor library, the inverter's contract, and the archive that brings the inverter to agents. Nothing here loads sharp.
 */
export { buildExecutorArchive, type ExecutorArchive, type ExecutorArchiveOptions } from "./archive.js";
export {
  encodeJob,
  InvertContractError,
  InvertFailure,
  InvertJob,
  type InvertJobInput,
  InvertProgress,
  InvertResult,
  type InvertStage,
  JOB_DEFAULTS,
  parseFailure,
  parseProgress,
  parseResult,
} from "./inverter/job.js";
export { ExecutorEnvironmentError } from "./library/environment.js";
export { type ExecutorExit, type ExecutorOptions, runExecutor } from "./library/runExecutor.js";
export { type TaskContext, TaskError, type TaskHandler, type TaskResult } from "./library/taskRun.js";
