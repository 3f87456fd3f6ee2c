import { type Attached, answerFiles } from "../files.js";
import { answerHelp } from "../help.js";
import { type Answer, notFound, type Request } from "../http/answer.js";
import type { Credential } from "../http/basicAuth.js";
import { asJsonp, routed } from "../http/route.js";
import { answerOfProcess } from "../processAnswers.js";
import { AgentDesk } from "./agents.js";
import { MASTER_HELP } from "./help.js";
import { handleMaintenance } from "./maintenanceApi.js";
import { metricsJson } from "./metrics.js";
import { handleOperator } from "./operatorApi.js";
import type { MasterOptions } from "./records.js";
import { handleReservations } from "./reservationApi.js";
import { handleRoles } from "./roleApi.js";
import { handleScheduler, type StandDown } from "./schedulerApi.js";
import { MasterState } from "./state.js";
import { flagsJson, frameworksJson, slavesJson, stateJson, tasksJson } from "./stateJson.js";
import { stateSummaryJson } from "./stateSummary.js";
import { teardownRequest } from "./teardown.js";

/** It has no files to look at. */
const NOTHING: Attached = new Map();

/** One run of a master, from its election to its end. */
export class EmbeddedMaster {
  readonly state: MasterState;
  readonly agents: AgentDesk;
  readonly #credentials: readonly Credential[];
  /** Set while it is not the leader. */
  standDown: StandDown | undefined;

  constructor(options: MasterOptions, credentials: readonly Credential[]) {
    this.state = new MasterState(options);
    this.agents = new AgentDesk(this.state);
    this.#credentials = credentials;
    this.agents.awaitRecovered();
  }

  handle(request: Request): Answer {
    return answerHelp(MASTER_HELP, request) ?? routed(request, (path) => this.#route(path, request)) ?? notFound();
  }

  #route(path: string, request: Request): Answer | undefined {
    const own = path.startsWith("/master/") ? path.slice("/master".length) : path;
    if (own === "/api/v1/scheduler") return handleScheduler(this.state, request, this.#credentials, this.standDown);
    if (own === "/api/v1") return handleOperator(this.state, this.agents, request);
    // Not under the master's own prefix.
    if (path === "/metrics/snapshot") return asJsonp(metricsJson(this.state, request), request);
    const answer =
      answerOfProcess(path, request, this.state.logging) ??
      answerFiles(() => NOTHING, path, request) ??
      handleReservations(this.state, own, request) ??
      this.#look(own, request);
    return answer && asJsonp(answer, request);
  }

  #look(path: string, request: Request): Answer | undefined {
    switch (path) {
      case "/teardown":
        return teardownRequest(this.state, request);
      case "/health":
        return { status: 200 };
      case "/maintenance/schedule":
      case "/maintenance/status":
      case "/machine/down":
      case "/machine/up":
        return handleMaintenance(this.state, this.agents, path, request);
      case "/flags":
        return flagsJson(this.state);
      case "/frameworks":
        return frameworksJson(this.state, request);
      case "/tasks":
        return tasksJson(this.state, request);
      case "/redirect":
        return { status: 307, headers: { Location: `//${this.state.flags.text("hostname")}:${this.state.port}` } };
      case "/slaves":
        return slavesJson(this.state, request);
      case "/state":
        return stateJson(this.state);
      case "/state-summary":
        return stateSummaryJson(this.state);
      default:
        return handleRoles(this.state, path, request);
    }
  }

  /** Breaks the stream of a framework, as a network failure does. @returns false if it has none. */
  dropStream(frameworkId: string): boolean {
    const stream = this.state.frameworks.get(frameworkId)?.stream;
    stream?.drop();
    return stream !== undefined;
  }

  /** The end of this run: timers stop, nothing is sent any more. Connections are the server's to close. */
  close(): void {
    this.state.closed = true;
    this.state.offers.close();
    this.state.inverseOffers.close();
    this.agents.close();
    for (const framework of this.state.frameworks.values()) {
      framework.stopHeartbeats();
      framework.cancelFailover();
    }
  }
}
