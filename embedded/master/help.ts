import type { HelpProcess } from "../help.js";

/** What a master tells about its endpoints at `/help`. */
export const MASTER_HELP: readonly HelpProcess[] = [
  {
    id: "master",
    isDefault: true,
    endpoints: {
      "/api/v1": "Endpoint for API calls against the master.",
      "/api/v1/scheduler": "Endpoint for schedulers to make calls against the master.",
      "/create-volumes": "Create persistent volumes on reserved resources.",
      "/destroy-volumes": "Destroy persistent volumes.",
      "/flags": "Exposes the master's flag configuration.",
      "/frameworks": "Exposes the frameworks info.",
      "/health": "Health status of the Master.",
      "/machine/down": "Brings a set of machines down.",
      "/machine/up": "Brings a set of machines back up.",
      "/maintenance/schedule": "Returns or updates the cluster's maintenance schedule.",
      "/maintenance/status": "Retrieves the maintenance status of the cluster.",
      "/quota": "(Deprecated) Gets or updates quota for roles.",
      "/redirect": "Redirects to the leading Master.",
      "/reserve": "Reserve resources dynamically on a specific agent.",
      "/roles": "Information about roles.",
      "/slaves": "Information about agents.",
      "/state": "Information about state of master.",
      "/state-summary": "Summary of agents, tasks, and registered frameworks in cluster.",
      "/tasks": "Lists tasks from all active frameworks.",
      "/unreserve": "Unreserve resources dynamically on a specific agent.",
      "/weights": "Updates weights for the specified roles.",
    },
  },
];
