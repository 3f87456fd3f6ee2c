import { type Answer, type Request, refuseUnlessPost, textAnswer } from "../http/answer.js";
import { removeFramework } from "./frameworks.js";
import type { MasterState } from "./state.js";

/** POST /teardown with `frameworkId=…` as its body: the framework ends, as after its own TEARDOWN. */
export function teardownRequest(state: MasterState, request: Request): Answer {
  const wrongMethod = refuseUnlessPost(request);
  if (wrongMethod) return wrongMethod;
  const body = request.body.toString("utf8");
  const [, before = "", broken] = /([^&=]*)(%(?![0-9a-fA-F]{2})[^&=]{0,2})/.exec(body) ?? [];
  if (broken !== undefined) {
    return textAnswer(400, `Unable to decode query string: Malformed % escape in '${before}${broken}': '${broken}'`);
  }
  const id = new URLSearchParams(body).get("frameworkId");
  if (id === null) return textAnswer(400, "Missing 'frameworkId' query parameter in the request body");
  return teardown(state, id);
}

export function teardown(state: MasterState, id: string): Answer {
  const framework = state.frameworks.get(id);
  if (!framework) return textAnswer(400, "No framework found with specified ID");
  removeFramework(state, framework);
  return { status: 200 };
}
