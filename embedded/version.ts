/** What Mesos 1.11.0 says of itself. */
export const VERSION = {
  build_date: "2020-11-24 15:38:37",
  build_time: 1606232317,
  build_user: "ubuntu",
  git_sha: "04bc7ee1984d86fbb0bd782ccc69ce44c13ae4b9",
  git_tag: "1.11.0",
  version: "1.11.0",
};

/** What every agent of this release can do. */
export const AGENT_CAPABILITIES = [
  "MULTI_ROLE",
  "HIERARCHICAL_ROLE",
  "RESERVATION_REFINEMENT",
  "RESOURCE_PROVIDER",
  "RESIZE_VOLUME",
  "AGENT_OPERATION_FEEDBACK",
  "AGENT_DRAINING",
  "TASK_RESOURCE_LIMITS",
] as const;
