#!/usr/bin/env node
import { Command } from "commander";
import { admissionCommand } from "./cli/admissionCommand.js";
import { backupCommand, restoreCommand } from "./cli/backupCommand.js";
import { configCommand } from "./cli/configCommand.js";
import { debugCommand } from "./cli/debugCommand.js";
import { doctorCommand } from "./cli/doctorCommand.js";
import { frameworksCommand } from "./cli/frameworksCommand.js";
import { localCommand } from "./cli/localCommand.js";
import { runProgram } from "./cli/runProgram.js";
import { serveCommand } from "./cli/serveCommand.js";
import { tokenCommand } from "./cli/tokenCommand.js";
import { version } from "./cli/version.js";

const program = new Command("mesos-bridge")
  .description("Drives Apache Mesos from any language: offers, launches and status updates as gRPC streams.")
  .version(version)
  .showHelpAfterError("(add --help for usage)")
  .addHelpText(
    "after",
    "\nExample:\n  mesos-bridge serve --master 127.0.0.1:5050 --listen 127.0.0.1:50051 --data-dir ./data",
  );

program.addCommand(serveCommand());
program.addCommand(configCommand());
program.addCommand(doctorCommand());
program.addCommand(debugCommand());
program.addCommand(frameworksCommand());
program.addCommand(backupCommand());
program.addCommand(restoreCommand());
program.addCommand(admissionCommand());
program.addCommand(localCommand());
program.addCommand(tokenCommand());
await runProgram(program);
