import { type Call, Call_Type } from "../../gen/mesos/v1/master/master.js";
import { WeightInfo } from "../../gen/mesos/v1/mesos.js";
import { parseJson } from "../codec/jsonText.js";
import { type MessageType, messageFromJson } from "../codec/messages.js";
import { doubleText } from "../codec/toJson.js";
import { type Answer, jsonAnswer, type Request, refuseUnless, textAnswer } from "../http/answer.js";
import type { MasterState } from "./state.js";

const WEIGHT: MessageType<WeightInfo> = { name: "mesos.v1.WeightInfo", fns: WeightInfo };

/** UPDATE_WEIGHTS; undefined for any other call. */
export function weightsCall(state: MasterState, call: Call): Answer | undefined {
  if (call.type !== Call_Type.UPDATE_WEIGHTS) return undefined;
  return update(state, call.updateWeights?.weightInfos ?? []);
}

/** `/weights`: GET and PUT. */
export function handleWeights(state: MasterState, request: Request): Answer {
  const wrongMethod = refuseUnless(request, ["GET", "PUT"]);
  if (wrongMethod) return wrongMethod;
  if (request.method === "PUT") return put(state, request.body.toString("utf8"));
  const weights = state.weights.all();
  const entries = weights.map(([role, weight]) => `{"role":${JSON.stringify(role)},"weight":${doubleText(weight)}}`);
  return jsonAnswer(`[${entries.join(",")}]`);
}

function put(state: MasterState, body: string): Answer {
  let infos: WeightInfo[];
  let what = "parse update weights request JSON";
  try {
    const value = parseJson(body);
    if (!Array.isArray(value)) throw new Error("Unexpected JSON type parsed");
    what = "convert weights JSON array to protobuf";
    infos = value.map((each) => messageFromJson(WEIGHT, each));
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    return textAnswer(400, `Failed to ${what} '${body}': ${why}`);
  }
  return update(state, infos);
}

function update(state: MasterState, infos: readonly WeightInfo[]): Answer {
  const refusal = state.weights.update(infos);
  return refusal === undefined ? { status: 200 } : textAnswer(400, refusal);
}
