import { encodeJob, type InvertJobInput } from "../../../executor/inverter/job.js";
import { type ExecutorInfo, type Resource, TaskInfo } from "../../../gen/mesos/v1/mesos.js";
import type { FileServer } from "./fileServer.js";
import type { ImageRecord } from "./image.js";

/** Where the agents fetch the image: files from this program, URLs at their own place. */
export function inputUrlOf({ kind, key, id, token }: ImageRecord, server: FileServer): string {
  return kind === "url" ? key : server.inputUrl(id, token);
}

/** The Mesos task that inverts an image which is `launched`. */
export function taskFor(
  image: ImageRecord,
  executor: ExecutorInfo,
  resources: Resource[],
  server: FileServer,
  limits: Pick<InvertJobInput, "max_input_bytes" | "max_pixels" | "timeout_seconds">,
): TaskInfo {
  return TaskInfo.fromPartial({
    name: `invert ${image.resultName}`,
    taskId: { value: image.task?.id },
    agentId: { value: image.task?.agentId },
    resources,
    executor,
    data: encodeJob({
      version: 1,
      input_url: inputUrlOf(image, server),
      output_url: server.resultUrl(image.id, image.token),
      ...limits,
    }),
  });
}
