import type { HelpProcess } from "../help.js";

/** What an agent tells about its endpoints at `/help`. */
export const AGENT_HELP: readonly HelpProcess[] = [
  {
    id: "slave(1)",
    isDefault: true,
    endpoints: {
      "/api/v1/executor": "Endpoint for the Executor HTTP API.",
      "/containers": "Retrieve container status and usage information.",
      "/flags": "Exposes the agent's flag configuration.",
      "/health": "Health check of the Agent.",
      "/monitor/statistics": "Retrieve resource monitoring information.",
      "/state": "Information about state of the Agent.",
    },
  },
];
