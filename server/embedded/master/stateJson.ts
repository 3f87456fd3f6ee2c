import { type Answer, jsonAnswer } from "../http/answer.js";
import type { MasterState } from "./state.js";

export function stateJson(state: MasterState): Answer {
  return jsonAnswer(JSON.stringify({ id: state.id, pid: state.pid }));
}
