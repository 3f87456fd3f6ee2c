import { createHash } from "node:crypto";
import { z } from "zod";
import { checked, itemsOf, parseJson } from "../library/checked.js";
import { healthCheckSchema } from "../library/healthCheck.js";
import { constraintSchema } from "../library/placement.js";
import { UsageError } from "../library/program.js";
import { fetchSchema } from "../library/taskCommand.js";

const ID = /^\/?[a-z0-9][a-z0-9.-]*(\/[a-z0-9][a-z0-9.-]*)*$/;

const [seconds, text] = [z.number().nonnegative().max(31_536_000), z.string().min(1)];
const [amount, fraction] = [z.number().nonnegative().max(1e9), z.number().min(0).max(1)];
const program = { cmd: text.optional(), args: z.array(z.string()).min(1).optional() };
const uris = z.array(text.transform((uri) => fetchSchema.parse({ uri }))).default([]);
const size = { cpus: amount.min(0.001).default(1), mem: amount.min(1).default(128), disk: amount.default(0) };
const pace = { backoffSeconds: seconds.default(1), backoffFactor: z.number().min(1).max(100).default(1.15) };
const capacity = { minimumHealthCapacity: fraction.default(1), maximumOverCapacity: fraction.default(1) };

const definition = z
  .strictObject({
    id: z.string().max(150).regex(ID, "it has to be of a-z, 0-9, - and . between slashes"),
    instances: z.int().nonnegative().max(100_000).default(1),
    constraints: z.array(constraintSchema).default([]),
    healthChecks: z.array(healthCheckSchema).max(1, "Mesos runs one for a task").default([]),
    maxLaunchDelaySeconds: seconds.default(300),
    taskKillGracePeriodSeconds: seconds.default(3),
    upgradeStrategy: z.strictObject(capacity).prefault({}),
    env: z.record(text, z.string()).default({}),
    fetch: z.array(fetchSchema).default([]),
    uris,
    ...program,
    ...size,
    ...pace,
  })
  .refine((it) => (it.cmd === undefined) !== (it.args === undefined), { path: ["cmd"], error: "give cmd or args" });

/** An app definition with its defaults. */
export type App = Omit<z.infer<typeof definition>, "uris"> & {
  /** Its id, as task ids hold it. */
  name: string;
  /** Tells its versions apart. */
  hash: string;
  /** Its file and its place there, as fields can follow it: `apps.json: apps[0].` */
  at: string;
};

/** The apps of files, given as name and text. @throws UsageError that names file and field of the first fault */
export function parseApps(files: ReadonlyMap<string, string>): App[] {
  const seen = new Map<string, App>();
  for (const [file, content] of files) {
    for (const { item, at } of itemsOf(file, parseJson(file, content), "apps")) {
      const app = parseApp(item, at);
      const other = seen.get(app.name);
      if (other !== undefined) throw new UsageError(`${app.at}id: ${app.id} is also ${other.at}id`);
      seen.set(app.name, app);
    }
  }
  return [...seen.values()];
}

function parseApp(json: unknown, at: string): App {
  const { uris, ...it } = checked(definition, json, at);
  const name = it.id.replace(/^\//, "").replaceAll("/", "_");
  const fetch = [...it.fetch, ...uris];
  // What a task is made of: another number of instances, or another pace, needs no new tasks.
  const made = [it.cmd, it.args, it.cpus, it.mem, it.disk, Object.entries(it.env).sort(), fetch, it.constraints];
  const all = JSON.stringify([...made, it.healthChecks, it.taskKillGracePeriodSeconds]);
  const hash = createHash("sha256").update(all).digest("hex").slice(0, 8);
  return { ...it, fetch, name, hash, at };
}
