import { answerFiles } from "../files.js";
import { answerHelp } from "../help.js";
import { type Answer, notFound, type Request } from "../http/answer.js";
import { asJsonp, routed } from "../http/route.js";
import { answerOfProcess } from "../processAnswers.js";
import { handleExecutor } from "./executorApi.js";
import { AGENT_HELP } from "./help.js";
import { agentMetricsJson } from "./metrics.js";
import type { AgentState } from "./state.js";
import { agentFlagsJson, agentStateJson } from "./stateJson.js";
import { containersJson, statisticsJson } from "./statistics.js";

const PREFIX = "/slave(1)";

/** All that an agent answers. */
export function handleAgentRequest(state: AgentState, request: Request): Answer {
  return answerHelp(AGENT_HELP, request) ?? routed(request, (path) => route(state, path, request)) ?? notFound();
}

function route(state: AgentState, path: string, request: Request): Answer | undefined {
  const own = path.startsWith(`${PREFIX}/`) ? path.slice(PREFIX.length) : path;
  if (own === "/api/v1/executor") return handleExecutor(state, request);
  // Not under the agent's own prefix.
  if (path === "/metrics/snapshot") return asJsonp(agentMetricsJson(state), request);
  const answer =
    answerOfProcess(path, request, state.logging) ??
    answerFiles(() => state.sandboxes(), path, request) ??
    look(state, own, request);
  return answer && asJsonp(answer, request);
}

function look(state: AgentState, path: string, request: Request): Answer | undefined {
  switch (path) {
    case "/state":
      return agentStateJson(state);
    case "/health":
      return { status: 200 };
    case "/flags":
      return agentFlagsJson(state);
    case "/monitor/statistics":
      return statisticsJson(state);
    case "/containers":
      return containersJson(state, request);
    default:
      return undefined;
  }
}
