import type { Call } from "../../gen/mesos/v1/master/master.js";
import type { Answer, Request } from "../http/answer.js";
import { handleQuota, quotaCall } from "./quotaApi.js";
import { rolesJson } from "./roles.js";
import type { MasterState } from "./state.js";
import { handleWeights, weightsCall } from "./weightsApi.js";

/** `/roles`, `/quota` and `/weights`, and all that is below them; undefined for any other path. */
export function handleRoles(state: MasterState, path: string, request: Request): Answer | undefined {
  switch (/^\/[^/]*/.exec(path)?.[0]) {
    case "/roles":
      return rolesJson(state);
    case "/quota":
      return handleQuota(state, request);
    case "/weights":
      return handleWeights(state, request);
    default:
      return undefined;
  }
}

/** The calls of quota and weights among those of the operator API that change something; undefined for any other. */
export function roleCall(state: MasterState, call: Call): Answer | undefined {
  return quotaCall(state, call) ?? weightsCall(state, call);
}
