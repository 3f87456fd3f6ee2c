#!/usr/bin/env node
// The third step: a framework with an executor of its own. Inverts images as a batch job that survives what may happen.

import { runProgram } from "../library/program.js";
import { invertCommand, invertOptions } from "./options.js";
import { invert } from "./run.js";

const command = invertCommand();
await runProgram(command, () => invert(command.args, invertOptions(command)));
// A picture of the gallery that is under way can't be broken off, and must not hold the end up.
process.exit();
