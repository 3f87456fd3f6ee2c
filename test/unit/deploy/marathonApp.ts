import { z } from "zod";

/** What Marathon 1.9 takes at POST /v2/apps, as the RAML of its REST API has it. A field of another name is refused. */

const MAX_INT32 = 2 ** 31 - 1;
const MAX_PORT = 65_535;
const text = z.string().min(1);
const strings = z.array(z.string());
const amount = z.number().nonnegative();
const share = z.number().min(0).max(1);
const whole = z.int().min(0).max(MAX_INT32);
const anyPort = z.int().min(0).max(MAX_PORT);
const labels = z.record(z.string(), z.string());
const name = /[a-z0-9]([a-z0-9-]*[a-z0-9])?/.source;
const pathId = z.string().regex(new RegExp(`^/?(\\.\\.|${name}(\\.${name})*)(/(\\.\\.|${name}(\\.${name})*))*/?$`));
const secret = z.strictObject({ secret: z.string() });
const distinct = <T extends z.ZodType>(items: z.ZodArray<T>) =>
  items.refine((list) => new Set(list.map((item) => JSON.stringify(item))).size === list.length, "an item is repeated");

const operators = ["UNIQUE", "CLUSTER", "GROUP_BY", "LIKE", "UNLIKE", "MAX_PER", "IS"] as const;
const constraint = z.tuple([z.string(), z.enum(operators), z.string().optional()]);

const artifact = z.strictObject({
  uri: text.max(1024),
  extract: z.boolean().optional(),
  executable: z.boolean().optional(),
  cache: z.boolean().optional(),
  destPath: text.max(1024).optional(),
});

const protocols = ["HTTP", "HTTPS", "TCP", "COMMAND", "MESOS_TCP", "MESOS_HTTP", "MESOS_HTTPS"] as const;
const healthCheck = z.strictObject({
  protocol: z.enum(protocols).optional(),
  command: z.strictObject({ value: z.string() }).optional(),
  path: z.string().optional(),
  port: anyPort.optional(),
  portIndex: anyPort.optional(),
  ipProtocol: z.enum(["IPv4", "IPv6"]).optional(),
  ignoreHttp1xx: z.boolean().optional(),
  delaySeconds: whole.optional(),
  gracePeriodSeconds: whole.optional(),
  intervalSeconds: whole.optional(),
  timeoutSeconds: whole.optional(),
  maxConsecutiveFailures: whole.optional(),
});

const portDefinition = z.strictObject({
  port: anyPort.optional(),
  name: z.string().optional(),
  protocol: z.enum(["tcp", "udp", "udp,tcp"]).optional(),
  labels: labels.optional(),
});

const unreachable = z.union([
  z.literal("disabled"),
  z.strictObject({ inactiveAfterSeconds: whole.optional(), expungeAfterSeconds: whole.optional() }),
]);

/**
 * An app that runs without a container image. Beside what other tools than a person set, it lacks the fields of images,
 * networks, volumes and readiness.
 */
export const marathonApp = z
  .strictObject({
    id: pathId,
    cmd: text.optional(),
    args: strings.optional(),
    instances: whole.optional(),
    cpus: z.number().min(0.001).optional(),
    mem: amount.optional(),
    disk: amount.optional(),
    gpus: whole.optional(),
    env: z.record(z.string(), z.union([z.string(), secret])).optional(),
    user: z.string().optional(),
    role: text.optional(),
    acceptedResourceRoles: distinct(strings).optional(),
    labels: labels.optional(),
    constraints: distinct(z.array(constraint)).optional(),
    dependencies: distinct(z.array(pathId)).optional(),
    fetch: z.array(artifact).optional(),
    uris: z.array(text.max(1024)).optional(),
    healthChecks: distinct(z.array(healthCheck)).optional(),
    portDefinitions: z.array(portDefinition).optional(),
    requirePorts: z.boolean().optional(),
    backoffSeconds: whole.optional(),
    backoffFactor: z.number().min(1).optional(),
    maxLaunchDelaySeconds: whole.optional(),
    taskKillGracePeriodSeconds: whole.optional(),
    upgradeStrategy: z.strictObject({ minimumHealthCapacity: share, maximumOverCapacity: share }).optional(),
    unreachableStrategy: unreachable.optional(),
    killSelection: z.enum(["YOUNGEST_FIRST", "OLDEST_FIRST"]).optional(),
  })
  .refine((app) => (app.cmd === undefined) !== (app.args === undefined), "it takes cmd or args, and not both");
