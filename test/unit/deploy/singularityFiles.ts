import { z } from "zod";

/** What Singularity 1.5.0 takes, as its API reference has it. A field of another name is refused, which Singularity drops. */

const MAX_INT32 = 2 ** 31 - 1;
const text = z.string().min(1);
const strings = z.array(z.string());
const int32 = z.int().min(0).max(MAX_INT32);
const int64 = z.int().min(0);
const attributes = z.record(z.string(), z.string());
const requestId = z.string().regex(/^[a-zA-Z0-9_-]+$/);
const deployId = z.string().regex(/^[a-zA-Z0-9_.]+$/);

const placements = ["SEPARATE", "OPTIMISTIC", "GREEDY", "SEPARATE_BY_DEPLOY", "SEPARATE_BY_REQUEST"] as const;
const isLongRunning = (requestType: string) => requestType === "SERVICE" || requestType === "WORKER";

/** The body of POST /requests. */
export const singularityRequest = z
  .strictObject({
    id: requestId,
    requestType: z.enum(["SERVICE", "WORKER", "SCHEDULED", "ON_DEMAND", "RUN_ONCE"]),
    instances: int32.optional(),
    numRetriesOnFailure: int32.optional(),
    owners: strings.optional(),
    group: z.string().optional(),
    readWriteGroups: strings.optional(),
    readOnlyGroups: strings.optional(),
    schedule: z.string().optional(),
    scheduleType: z.enum(["CRON", "QUARTZ", "RFC5545"]).optional(),
    scheduleTimeZone: z.string().optional(),
    scheduledExpectedRuntimeMillis: int64.optional(),
    waitAtLeastMillisAfterTaskFinishesForReschedule: int64.optional(),
    killOldNonLongRunningTasksAfterMillis: int64.optional(),
    taskExecutionTimeLimitMillis: int64.optional(),
    rackSensitive: z.boolean().optional(),
    rackAffinity: strings.optional(),
    slavePlacement: z.enum([...placements, "SPREAD_ALL_SLAVES"]).optional(),
    requiredSlaveAttributes: attributes.optional(),
    allowedSlaveAttributes: attributes.optional(),
    slaveAttributeMinimums: z.record(z.string(), z.record(z.string(), int32)).optional(),
    loadBalanced: z.boolean().optional(),
    bounceAfterScale: z.boolean().optional(),
    allowBounceToSameHost: z.boolean().optional(),
    skipHealthchecks: z.boolean().optional(),
    taskLogErrorRegex: z.string().optional(),
    taskLogErrorRegexCaseSensitive: z.boolean().optional(),
    taskPriorityLevel: z.number().optional(),
    maxTasksPerOffer: int32.optional(),
    requiredRole: z.string().optional(),
    dataCenter: z.string().optional(),
  })
  .refine((it) => !isLongRunning(it.requestType) || it.numRetriesOnFailure === undefined, {
    path: ["numRetriesOnFailure"],
    error: "what runs for long is always started again",
  });

const resources = z.strictObject({
  cpus: z.number().positive(),
  memoryMb: z.number().positive(),
  numPorts: int32.optional(),
  diskMb: z.number().nonnegative().optional(),
});

const artifact = z.strictObject({
  uri: z.string(),
  cache: z.boolean().optional(),
  executable: z.boolean().optional(),
  extract: z.boolean().optional(),
  outputFile: z.string().optional(),
});

const healthcheck = z.strictObject({
  uri: z.string(),
  portIndex: int32.optional(),
  portNumber: int64.optional(),
  protocol: z.enum(["HTTP", "HTTPS", "HTTP2", "HTTPS2"]).optional(),
  method: z.enum(["GET", "POST"]).optional(),
  startupTimeoutSeconds: int32.optional(),
  startupDelaySeconds: int32.optional(),
  startupIntervalSeconds: int32.optional(),
  intervalSeconds: int32.optional(),
  responseTimeoutSeconds: int32.optional(),
  maxRetries: int32.optional(),
  failureStatusCodes: z.array(int32).optional(),
  healthcheckResultFilePath: z.string().optional(),
});

const runNow = z.strictObject({
  runId: z.string().optional(),
  message: z.string().optional(),
  commandLineArgs: strings.optional(),
  skipHealthchecks: z.boolean().optional(),
  resources: resources.optional(),
  envOverrides: attributes.optional(),
});

const deploy = z.strictObject({
  requestId,
  id: deployId,
  command: text,
  arguments: strings.optional(),
  shell: z.boolean().optional(),
  user: z.string().optional(),
  resources,
  env: attributes.optional(),
  uris: z.array(artifact).optional(),
  labels: attributes.optional(),
  metadata: attributes.optional(),
  version: z.string().optional(),
  runImmediately: runNow.optional(),
  healthcheck: healthcheck.optional(),
  skipHealthchecksOnDeploy: z.boolean().optional(),
  considerHealthyAfterRunningForSeconds: int64.optional(),
  deployHealthTimeoutSeconds: int64.optional(),
  deployInstanceCountPerStep: int32.optional(),
  deployStepWaitTimeMs: int32.optional(),
  autoAdvanceDeploySteps: z.boolean().optional(),
  maxTaskRetries: int32.optional(),
});

/** The body of POST /deploys. */
export const singularityDeploy = z.strictObject({
  deploy,
  message: z.string().optional(),
  unpauseOnSuccessfulDeploy: z.boolean().optional(),
  updatedRequest: singularityRequest.optional(),
});
