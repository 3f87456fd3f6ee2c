import { z } from "zod";

/** The task that was launched last for an image. */
const ImageTask = z.object({
  id: z.string(),
  agentId: z.string(),
  /** The agent's host, for people. */
  host: z.string(),
  executorId: z.string(),
  launchTimeMs: z.number(),
  /** The origin that its URLs name: uploads go there. */
  origin: z.string(),
});
export type ImageTask = z.infer<typeof ImageTask>;

/** All that is known about one image of the batch. Written to the ledger whenever it changes. */
export const ImageRecord = z.object({
  /** Opaque; in URLs and task ids. */
  id: z.string(),
  /** The file's real path, or the URL. */
  key: z.string(),
  kind: z.enum(["file", "url"]),
  /** For people. */
  name: z.string(),
  size: z.number().optional(),
  mtimeMs: z.number().optional(),
  /** Name of the result in the output folder; without an extension when that depends on the content. */
  resultName: z.string(),
  /** Whoever knows it may fetch the input and put the result. */
  token: z.string(),
  /** `waiting` for an offer, `launched`, or over. */
  state: z.enum(["waiting", "launched", "done", "failed"]),
  /** How many tasks were launched for it; part of the next task's id. */
  launches: z.int(),
  /** How many of them were lost since the program was last called. */
  losses: z.int(),
  task: ImageTask.optional(),
  /** The result that has arrived. */
  result: z.object({ file: z.string(), bytes: z.number() }).optional(),
  /** Why it failed, or was launched again. */
  reason: z.string().optional(),
  /** From the launch to the end, in ms; set when it is over. */
  durationMs: z.number().optional(),
});
export type ImageRecord = z.infer<typeof ImageRecord>;

/** The host that worked on it last. */
export function hostOf(image: ImageRecord): string {
  return image.task?.host ?? "";
}
