import { readFileSync } from "node:fs";
import { Command } from "commander";
import { FrameworkInfo } from "../../gen/mesos/v1/mesos.js";
import { SubscribeRequest } from "../../gen/mesosbridge/v1/scheduler.js";
import { errorText } from "../../wire/errorText.js";
import { checkFrameworkName } from "../grpc/callHeader.js";
import type { Log } from "../log.js";
import { completeFrameworkInfo } from "../mesos/messages/frameworkInfo.js";
import type { FrameworkRecord } from "../session/frameworkStore.js";
import { holdsFrameworks, loadFrameworks } from "../store/dataDir.js";
import { DataDirInUseError, type OwnerKind } from "../store/dataDirOwner.js";
import type { KeptFrameworks } from "../store/keptFrameworks.js";
import { LogStore } from "../store/logStore.js";
import { createValidator } from "../validation/validator.js";

import { detailsOf, tableOf, textOf, viewOf } from "./frameworkView.js";
import { readMessageFile } from "./mesosMessageFile.js";
import { restoreProblems, unreadableProblem } from "./restoreProblems.js";

interface Options {
  readonly dataDir: string;
  readonly json?: true;
}

interface ImportOptions extends Options {
  readonly id: string;
  readonly user?: string;
  readonly info?: string;
}

const EXAMPLES = `
list and show work at any time. forget and import only work while no bridge runs on the directory.

Examples:
  mesos-bridge frameworks list --data-dir ./data
  mesos-bridge frameworks show my-framework --data-dir ./data --json
  mesos-bridge frameworks forget my-framework --data-dir ./data
  mesos-bridge frameworks import my-framework --data-dir ./data --user root --id 7c2b9bd4-3a1e-4d5e-8f60-0f3c2a1b9e55-0001`;

/** `frameworks`: shows and changes the frameworks that a bridge has stored. */
export function frameworksCommand(): Command {
  const command = new Command("frameworks")
    .description("Shows and changes the frameworks that a bridge has stored.")
    .showHelpAfterError("(add --help for usage)")
    .addHelpText("after", EXAMPLES);
  command.addCommand(
    subcommand("list", "Lists all stored frameworks.").action((options: Options) => run(() => list(options))),
  );
  command.addCommand(
    subcommand("show <name>", "Shows everything about one framework, with its tasks and the keys of its state.").action(
      (name: string, options: Options) => run(() => show(name, options)),
    ),
  );
  command.addCommand(
    subcommand(
      "forget <name>",
      "Forgets a framework: the next client with this name gets a new framework id. Mesos is not told: it keeps the framework " +
        "and its tasks until the failover timeout. To end them, tear the framework down instead.",
    ).action((name: string, options: Options) => run(() => forget(name, options))),
  );
  command.addCommand(
    subcommand("import <name>", "Stores a framework that Mesos already knows, so that a client can take it over.")
      .requiredOption("--id <id>", "its Mesos framework id")
      .option("--user <user>", "FrameworkInfo.user, if --info does not set it")
      .option("--info <file>", "a mesos.v1.FrameworkInfo in JSON, with Mesos's own field names")
      .action((name: string, options: ImportOptions) => run(() => importFramework(name, options))),
  );
  return command;
}

function subcommand(usage: string, description: string): Command {
  const [name, argument] = usage.split(" ");
  const command = new Command(name).description(description);
  if (argument !== undefined) command.argument(argument, "the framework's name at the bridge");
  return command
    .requiredOption("--data-dir <dir>", "the data directory of the bridge")
    .option("--json", "write JSON")
    .showHelpAfterError("(add --help for usage)");
}

async function run(action: () => Promise<string> | string): Promise<void> {
  try {
    process.stdout.write(await action());
  } catch (error) {
    fail(errorText(error));
  }
}

function fail(message: string): void {
  process.stderr.write(`mesos-bridge frameworks: ${message}\n`);
  process.exitCode = 1;
}

/** Problems with some frameworks are reported beside the others, and set the exit status. */
function list({ dataDir, json }: Options): Promise<string> {
  return reading(dataDir, (store) => {
    for (const problem of restoreProblems(store, dataDir)) fail(problem);
    const views = store.frameworks().map((record) => viewOf(record, store.tasks(record.frameworkName)));
    return json ? asJson(views) : tableOf(views);
  });
}

function show(name: string, { dataDir, json }: Options): Promise<string> {
  return reading(dataDir, (store) => {
    const details = detailsOf(known(store, name, dataDir), store.tasks(name), store.state(name));
    return json ? asJson(details) : textOf(details);
  });
}

function forget(name: string, { dataDir, json }: Options): Promise<string> {
  requireFrameworks(dataDir);
  return changing(dataDir, "forget", async (store) => {
    if (store.unusable().some(({ frameworkName }) => frameworkName === name)) {
      await store.remove(name);
      return json ? asJson({ framework_name: name }) : `forgot ${name}, whose record could not be read\n`;
    }
    const record = known(store, name, dataDir);
    const tasksOf = store.tasks(name);
    const keys = store.state(name).size;
    const answer = json ? asJson(detailsOf(record, tasksOf, store.state(name))) : undefined;
    await store.remove(name);
    if (answer !== undefined) return answer;
    const tasks = tasksOf.length === 0 ? "" : ` and ${tasksOf.length} of its tasks`;
    const state = keys === 0 ? "" : ` and ${keys} key${keys === 1 ? "" : "s"} of its state`;
    return `forgot ${name}, which had the framework id ${record.frameworkId},${tasks}${state} here; Mesos was not told\n`;
  });
}

function importFramework(name: string, options: ImportOptions): Promise<string> {
  const { dataDir, id, json } = options;
  const record = recordOf(name, options);
  return changing(dataDir, "import", async (store) => {
    const before = store.framework(name);
    if (before)
      throw new Error(`${name} is already known, with the framework id ${before.frameworkId}: forget it first`);
    const other = store.namesOf(id).find((each) => each !== name);
    if (other !== undefined) throw new Error(`the framework id ${id} already belongs to ${other}: forget that first`);
    // Not `put`: what is stored under this name belongs to another framework.
    await store.replace(record, "tasks and state");
    return json ? asJson(detailsOf(record, [], store.state(name))) : `imported ${name} with the framework id ${id}\n`;
  });
}

function recordOf(name: string, { id, user, info: file }: ImportOptions): FrameworkRecord {
  if (!/^[^\s\p{Cc}]{1,256}$/u.test(id)) throw new Error("--id: a framework id must not be empty or contain spaces");
  const given = file === undefined ? FrameworkInfo.create() : readMessageFile(file, "FrameworkInfo", FrameworkInfo);
  if (given.id?.value !== undefined && given.id.value !== id) {
    throw new Error(`--id is ${id}, but ${file} has ${given.id.value}: remove it from the file`);
  }
  const info = { ...given, user: user ?? given.user };
  if (info.user === undefined) throw new Error("--user is missing: the user that tasks run as on the agents");
  const frameworkInfo = Buffer.from(FrameworkInfo.encode(info).finish());
  checkFrameworkName(name, "<name>");
  check(name, frameworkInfo);
  return {
    frameworkName: name,
    frameworkId: id,
    frameworkInfo: completeFrameworkInfo(frameworkInfo, name, undefined).bytes,
    suppressedRoles: [],
    offerConstraints: Buffer.alloc(0),
    leaseMs: 60_000,
    expiryPolicy: "disconnect",
    open: false,
    detachedAtMs: undefined,
  };
}

/** Applies the rules for a client that attaches with this. */
function check(frameworkName: string, frameworkInfo: Uint8Array): void {
  const validator = createValidator(readFileSync(new URL("../../gen/descriptors.binpb", import.meta.url)));
  const request = SubscribeRequest.fromPartial({ frameworkName, frameworkInfo: FrameworkInfo.decode(frameworkInfo) });
  const type = "mesosbridge.v1.SubscribeRequest";
  const violations = validator.validate(type, SubscribeRequest.encode(request).finish());
  if (violations.length === 0) return;
  throw new Error(violations.map(({ field, description }) => `${field}: ${description}`).join("; "));
}

async function reading(dataDir: string, action: (store: KeptFrameworks) => string): Promise<string> {
  requireFrameworks(dataDir);
  return action(await usable(dataDir, async () => (await loadFrameworks(dataDir, quietLog)).kept));
}

async function changing(
  dataDir: string,
  kind: OwnerKind,
  action: (store: LogStore) => Promise<string>,
): Promise<string> {
  const store = await usable(dataDir, () => LogStore.open(dataDir, { log: stderrLog, kind }));
  try {
    return await action(store);
  } finally {
    await store.close();
  }
}

function requireFrameworks(dataDir: string): void {
  if (!holdsFrameworks(dataDir)) throw new Error(`--data-dir: ${dataDir} is not the data directory of a bridge`);
}

async function usable<T>(dataDir: string, open: () => Promise<T>): Promise<T> {
  try {
    return await open();
  } catch (error) {
    if (error instanceof DataDirInUseError) throw error;
    throw new Error(`--data-dir: ${dataDir} can't be used: ${errorText(error)}`);
  }
}

function known(store: LogStore | KeptFrameworks, name: string, dataDir: string): FrameworkRecord {
  const unusable = store.unusable().find(({ frameworkName }) => frameworkName === name);
  if (unusable) throw new Error(unreadableProblem(unusable, dataDir));
  const record = store.framework(name);
  if (record) return record;
  const names = store.frameworks().map(({ frameworkName }) => frameworkName);
  const known = names.length === 0 ? "none is" : `known are ${names.slice(0, 20).join(", ")}`;
  throw new Error(`no framework ${name} is known in ${dataDir}: ${known}${names.length > 20 ? ", ..." : ""}`);
}

const say = (_: object, message: string): void => {
  process.stderr.write(`mesos-bridge frameworks: ${message}\n`);
};
const silent = () => {};
/** An incomplete last write is not worth a message: a bridge may be writing. */
const quietLog: Log = { debug: silent, info: silent, warn: silent, error: silent };
const stderrLog: Log = { debug: silent, info: silent, warn: say, error: say };

function asJson(value: unknown): string {
  return `${JSON.stringify(value, undefined, 2)}\n`;
}
