import { createHash } from "node:crypto";
import { z } from "zod";
import { checked, parseJson } from "../library/checked.js";
import { UsageError } from "../library/program.js";

const ID = /^\/?[a-z0-9][a-z0-9.-]*(\/[a-z0-9][a-z0-9.-]*)*$/;
const OPERATORS = ["UNIQUE", "CLUSTER", "GROUP_BY"] as const;

const [seconds, text] = [z.number().nonnegative().max(31_536_000), z.string().min(1)];
const [amount, fraction] = [z.number().nonnegative().max(1e9), z.number().min(0).max(1)];
const [yes, no] = [z.boolean().default(true), z.boolean().default(false)];
const often = z.number().min(0.1).max(86_400);
const waits = { delaySeconds: seconds.default(15), gracePeriodSeconds: seconds.default(300) };
const repeats = { intervalSeconds: often.default(60), timeoutSeconds: often.default(20) };
const timing = { ...waits, ...repeats, maxConsecutiveFailures: z.int().positive().default(3) };
const command = z.strictObject({ protocol: z.literal("COMMAND"), command: z.strictObject({ value: text }), ...timing });
const address = { path: z.string().startsWith("/").default("/"), port: z.int().min(1).max(65_535) };
const http = z.strictObject({ protocol: z.enum(["HTTP", "MESOS_HTTP"]), ...address, ...timing });
const check = z.discriminatedUnion("protocol", [command, http]);
const fetched = z.strictObject({ uri: text, executable: no, extract: yes, cache: no, destPath: text.optional() });
const constraint = z
  .tuple([text, z.enum(OPERATORS), text.optional()])
  .refine(([, name, n = "1"]) => name !== "GROUP_BY" || /^[1-9]\d{0,5}$/.test(n), "GROUP_BY takes a number");
const program = { cmd: text.optional(), args: z.array(z.string()).min(1).optional() };
const uris = z.array(text.transform((uri) => fetched.parse({ uri }))).default([]);
const size = { cpus: amount.min(0.001).default(1), mem: amount.min(1).default(128), disk: amount.default(0) };
const pace = { backoffSeconds: seconds.default(1), backoffFactor: z.number().min(1).max(100).default(1.15) };
const capacity = { minimumHealthCapacity: fraction.default(1), maximumOverCapacity: fraction.default(1) };

const definition = z
  .strictObject({
    id: z.string().max(150).regex(ID, "it has to be of a-z, 0-9, - and . between slashes"),
    instances: z.int().nonnegative().max(100_000).default(1),
    constraints: z.array(constraint).default([]),
    healthChecks: z.array(check).max(1, "Mesos runs one for a task").default([]),
    maxLaunchDelaySeconds: seconds.default(300),
    taskKillGracePeriodSeconds: seconds.default(3),
    upgradeStrategy: z.strictObject(capacity).prefault({}),
    env: z.record(text, z.string()).default({}),
    fetch: z.array(fetched).default([]),
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
    for (const app of parseFile(file, content)) {
      const other = seen.get(app.name);
      if (other !== undefined) throw new UsageError(`${app.at}id: ${app.id} is also ${other.at}id`);
      seen.set(app.name, app);
    }
  }
  return [...seen.values()];
}

function parseFile(file: string, content: string): App[] {
  const json = parseJson(file, content);
  if (Array.isArray(json)) return json.map((item, i) => parseApp(item, `${file}: [${i}].`));
  if (!(json instanceof Object && "apps" in json)) return [parseApp(json, `${file}: `)];
  const { apps } = checked(z.strictObject({ apps: z.array(z.unknown()) }), json, `${file}: `);
  return apps.map((item, i) => parseApp(item, `${file}: apps[${i}].`));
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
