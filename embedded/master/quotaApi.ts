import { type Call, Call_Type, type Call_UpdateQuota } from "../../gen/mesos/v1/master/master.js";
import { QuotaRequest, QuotaStatus } from "../../gen/mesos/v1/quota/quota.js";
import { parseJson } from "../codec/jsonText.js";
import { encodeMessage, JSON_TYPE, type MessageType, messageFromJson } from "../codec/messages.js";
import { type Answer, jsonAnswer, type Request, refuseUnless, textAnswer } from "../http/answer.js";
import { quantitiesText } from "../resources/quantities.js";
import { milliOf, type Quota, quotaOf } from "./quota.js";
import { rescindForQuotas, rescindForRequest } from "./quotaRescind.js";
import {
  entries,
  fatalAmount,
  invalidConfig,
  invalidRequest,
  overcommitment,
  requestedQuota,
} from "./quotaValidation.js";
import { NO_USAGE, roleUsages } from "./roleUsage.js";
import { isAllowedRole } from "./roleWhitelist.js";
import type { MasterState } from "./state.js";
import { fatal } from "./validation/fatal.js";

const REQUEST: MessageType<QuotaRequest> = { name: "mesos.v1.quota.QuotaRequest", fns: QuotaRequest };
const STATUS: MessageType<QuotaStatus> = { name: "mesos.v1.quota.QuotaStatus", fns: QuotaStatus };
const OK: Answer = { status: 200 };

/** UPDATE_QUOTA, SET_QUOTA and REMOVE_QUOTA; undefined for any other call. */
export function quotaCall(state: MasterState, call: Call): Answer | undefined {
  switch (call.type) {
    case Call_Type.UPDATE_QUOTA:
      return update(state, call.updateQuota ?? { quotaConfigs: [] });
    case Call_Type.SET_QUOTA:
      return set(state, call.setQuota?.quotaRequest ?? { guarantee: [] });
    case Call_Type.REMOVE_QUOTA:
      return removeByCall(state, call.removeQuota?.role ?? "");
    default:
      return undefined;
  }
}

/** `/quota`, and below it the role whose quota a DELETE removes. */
export function handleQuota(state: MasterState, request: Request): Answer {
  const wrongMethod = refuseUnless(request, ["GET", "POST", "DELETE"]);
  if (wrongMethod) return wrongMethod;
  if (request.method === "POST") return setByPost(state, request.body.toString("utf8"));
  if (request.method === "DELETE") return removeByPath(state, request.target);
  return jsonAnswer(encodeMessage(STATUS, state.quotas.status(), JSON_TYPE).toString("utf8"));
}

function update(state: MasterState, { force, quotaConfigs }: Call_UpdateQuota): Answer {
  for (const config of quotaConfigs) {
    const invalid = invalidConfig(state, config);
    if (invalid !== undefined) return textAnswer(400, invalid);
  }
  const quotas = new Map(
    quotaConfigs.map(({ role, guarantees, limits }): [string, Quota] => [
      role ?? "",
      quotaOf(entries(guarantees), entries(limits)),
    ]),
  );
  const refusal = force ? undefined : (beyondUse(state, quotas) ?? beyondCapacity(state, quotas));
  if (refusal !== undefined) {
    return textAnswer(400, `Invalid QuotaConfig: ${refusal} (use 'force' flag to bypass this check)`);
  }
  state.quotas.set(quotas);
  rescindForQuotas(state, quotas);
  return OK;
}

function beyondCapacity(state: MasterState, quotas: ReadonlyMap<string, Quota>): string | undefined {
  const over = overcommitment(state, quotas);
  return over && `total quota guarantees '${over.guarantees}' exceed cluster capacity '${over.capacity}'`;
}

/** What is used already can't be limited away. */
function beyondUse(state: MasterState, quotas: ReadonlyMap<string, Quota>): string | undefined {
  const usages = roleUsages(state);
  for (const [role, quota] of quotas) {
    const limits = milliOf(quota.limits);
    const { consumed } = usages.get(role) ?? NO_USAGE;
    if ([...limits].every(([name, limit]) => (consumed.get(name) ?? 0) <= limit)) continue;
    return `Role '${role}' is already consuming '${quantitiesText(consumed)}'; this is more than the requested limits '${quantitiesText(limits)}'`;
  }
  return undefined;
}

function setByPost(state: MasterState, body: string): Answer {
  let request: QuotaRequest;
  let what = "parse";
  try {
    const value = parseJson(body);
    if (!(value instanceof Map)) throw new Error("Unexpected JSON type parsed");
    what = "validate";
    request = messageFromJson(REQUEST, value);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    return textAnswer(400, `Failed to ${what} set quota request JSON '${body}': ${why}`);
  }
  return set(state, request);
}

function set(state: MasterState, request: QuotaRequest): Answer {
  const invalid = invalidRequest(state, request);
  if (invalid !== undefined) return textAnswer(400, invalid);
  const role = request.role ?? "";
  const quotas = new Map([[role, requestedQuota(request)]]);
  const over = request.force ? undefined : overcommitment(state, quotas);
  if (over) {
    const how = `Total quota guarantees '${over.guarantees}' exceed cluster capacity '${over.capacity}'`;
    return textAnswer(409, `Quota guarantees overcommit the cluster (use 'force' to bypass this check): ${how}`);
  }
  const tooMuch = fatalAmount(request);
  if (tooMuch !== undefined) return refuseFatal(state, `a quota of more ${tooMuch} than a cluster can have`);
  state.quotas.set(quotas);
  rescindForRequest(state, role, request);
  return OK;
}

function removeByCall(state: MasterState, role: string): Answer {
  if (state.quotas.get(role) === undefined) return refuseFatal(state, `role '${role}' has no quota set`);
  state.quotas.remove(role);
  return OK;
}

/** The rest of the path is the role, whatever is in it; it is not decoded. */
function removeByPath(state: MasterState, target: string): Answer {
  const path = `/master${target.replace(/\?.*$/s, "").replace(/^\/master(?=\/)/, "")}`;
  const role = /^\/master\/quota\/+([^/].*)$/s.exec(path)?.[1];
  if (role === undefined) {
    const why = "expected 3 tokens, found 2 tokens";
    return textAnswer(400, `Failed to parse remove quota request for path '${path}': ${why}`);
  }
  if (!isAllowedRole(state.flags, role)) {
    return textAnswer(400, `Failed to validate remove quota request for path '${path}': Unknown role '${role}'`);
  }
  if (state.quotas.get(role) === undefined) {
    return textAnswer(400, `Failed to remove quota for path '${path}': Role '${role}' has no quota set`);
  }
  state.quotas.remove(role);
  return OK;
}

function refuseFatal(state: MasterState, what: string): Answer {
  const problem = fatal(what);
  state.log(problem);
  return textAnswer(400, problem);
}
