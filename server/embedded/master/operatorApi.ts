import { type Answer, notFound, type Request, refuseUnlessPost } from "../http/answer.js";
import type { EmbeddedMaster } from "./master.js";

export function handleOperator(_master: EmbeddedMaster, request: Request): Answer {
  return refuseUnlessPost(request) ?? notFound();
}
