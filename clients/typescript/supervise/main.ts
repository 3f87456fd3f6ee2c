#!/usr/bin/env node
// The fourth step: a framework that keeps others running. Holds the tasks of app definitions against what Mesos does.

import { runEventLoop } from "../library/eventLoop.js";
import { type CommonOptions, runProgram, schedulerCommand, schedulerOptions } from "../library/program.js";
import { ReloadedFiles } from "../library/reloadedFiles.js";
import { Scheduler } from "../library/scheduler.js";
import { Terminal } from "../library/terminal.js";
import { parseApps } from "./app.js";
import { Supervisor } from "./supervisor.js";

const HELP = `
A file holds an app, a list of them, or {"apps": [...]}. A change is taken at once; a file that can't be used any more is
told, and what runs keeps running. docs/supervise.md has the fields.

Tasks keep running when this program ends. Started again with the same --framework-name, it finds them: it keeps nothing on a
disk. With --end-tasks, Ctrl-C or SIGTERM ends them, and the framework.

Exit status: 0 ended by a signal, 1 an error, 2 wrong usage or a file that can't be used.
`;
const summary = "Keeps programs running on Mesos, through the bridge: as many of each as their definitions say.";
const command = schedulerCommand("mesos-supervise", summary, "mesos-supervise --bridge 127.0.0.1:50051 apps.json")
  .argument("<file...>", "app definitions, in Marathon's JSON")
  .option("--end-tasks", "end all tasks and the framework when this program is ended", false)
  .addHelpText("after", HELP);

async function main(): Promise<number> {
  const options = command.opts<CommonOptions & { endTasks: boolean }>();
  const files = new ReloadedFiles(command.args, parseApps);
  const terminal = new Terminal(process.stdout);
  const scheduler = new Scheduler({ ...schedulerOptions(options), replaceRemoved: true });
  const supervisor = new Supervisor(scheduler, (line) => terminal.line(line));
  supervisor.apps = files.value;
  let ending = false;
  let closing: Promise<void> | undefined;
  const end = () => {
    terminal.line(options.endTasks ? "ending all tasks; once more leaves them at once" : "the tasks keep running");
    if (options.endTasks) ending = true;
    else closing = scheduler.close();
  };
  for (const signal of ["SIGINT", "SIGTERM"]) process.once(signal, end);
  terminal.line(`keeps ${command.args.join(", ")} running as the framework ${options.frameworkName}`);

  const onTick = async () => {
    const news = ending ? undefined : files.reload();
    if (news !== undefined) terminal.line(news);
    supervisor.apps = ending ? [] : files.value;
    await supervisor.act();
    terminal.table(() => supervisor.overview());
    if (ending && supervisor.empty) await scheduler.teardown();
  };
  await runEventLoop(scheduler, { onEvent: (event) => supervisor.onEvent(event), onTick, tickMs: 500 });
  await closing;
  return 0;
}

await runProgram(command, main);
