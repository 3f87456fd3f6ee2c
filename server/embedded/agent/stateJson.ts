import { type Answer, jsonAnswer } from "../http/answer.js";
import type { AgentState } from "./state.js";

export function agentStateJson(state: AgentState): Answer {
  return jsonAnswer(JSON.stringify({ id: state.id ?? "", pid: state.pid }));
}
