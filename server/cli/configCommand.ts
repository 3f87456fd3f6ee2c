import { Command } from "commander";
import { errorText } from "../../wire/errorText.js";
import { addConfigOption } from "./configOption.js";
import { configSchema } from "./configSchema.js";
import { settingsJson, settingsTable, shownSettings } from "./configShow.js";
import { addOptions, OptionsError } from "./options.js";
import { USAGE_ERROR } from "./runProgram.js";
import { parseServeConfig, type ServeConfig } from "./serveConfig.js";
import { SERVE_OPTIONS } from "./serveOptions.js";
import { gatherSettings, type Settings } from "./settings.js";

type Flags = Readonly<Record<string, unknown>>;
type ServeSettings = Settings<typeof SERVE_OPTIONS>;

const OPTIONS = "\nTakes all options of serve, and reads the same MESOS_BRIDGE_* variables.\n";

/** `config`: looks at the configuration of `serve` without running it. */
export function configCommand(): Command {
  const command = new Command("config")
    .description("Checks and shows the configuration that serve would have.")
    .showHelpAfterError("(add --help for usage)");
  command.addCommand(
    withServeOptions("check", "Says whether serve would start with these options and the files that they name.")
      .addHelpText(
        "after",
        `${OPTIONS}Connects to nobody. The exit status is 2 for a wrong option, and 1 for a file or address that can't be used.\n` +
          "\nExample:\n  mesos-bridge config check --config /etc/mesos-bridge/mesos-bridge.toml",
      )
      .action((flags: Flags) => check(flags)),
  );
  command.addCommand(
    withServeOptions("show", "Shows the value of each option and where it comes from, without passwords.")
      .option("--json", "as a JSON object")
      .addHelpText(
        "after",
        `${OPTIONS}\nExample:\n  mesos-bridge config show --config /etc/mesos-bridge/mesos-bridge.toml --json`,
      )
      .action((flags: Flags) => show(flags)),
  );
  command
    .command("schema")
    .description("Prints a JSON Schema of the file of --config, for editors.")
    .addHelpText("after", "\nExample:\n  mesos-bridge config schema > mesos-bridge.schema.json")
    .action(() => {
      process.stdout.write(`${JSON.stringify(configSchema(SERVE_OPTIONS), null, 2)}\n`);
    });
  return command;
}

function withServeOptions(name: string, description: string): Command {
  const command = new Command(name).description(description).showHelpAfterError("(add --help for usage)");
  return addConfigOption(addOptions(command, SERVE_OPTIONS, { hidden: true }));
}

async function check(flags: Flags): Promise<void> {
  const settings = gathered(flags);
  const config = settings && parsed(settings);
  if (!settings || !config) return;
  // Loaded on demand: otherwise the other commands would load the whole bridge too.
  const { fileProblems } = await import("./configCheck.js");
  const problems = await fileProblems(config, (text) => tell(`warning: ${settings.explain(text)}`));
  for (const problem of problems) tell(settings.explain(problem));
  if (problems.length > 0) process.exitCode = 1;
  else process.stdout.write(`the configuration is good: ${sourcesOf(settings)}\n`);
}

function show(flags: Flags): void {
  const settings = gathered(flags);
  if (!settings) return;
  const shown = shownSettings(SERVE_OPTIONS, settings);
  process.stdout.write(flags.json === true ? settingsJson(shown) : settingsTable(shown));
  parsed(settings);
}

function gathered(flags: Flags): ServeSettings | undefined {
  try {
    const settings = gatherSettings(SERVE_OPTIONS, { flags, env: process.env });
    for (const note of settings.notes) tell(`note: ${note}`);
    return settings;
  } catch (error) {
    return refused(error, (text) => text);
  }
}

function parsed(settings: ServeSettings): ServeConfig | undefined {
  try {
    return parseServeConfig(settings.typed);
  } catch (error) {
    return refused(error, (text) => settings.explain(text));
  }
}

function refused(error: unknown, explain: (text: string) => string): undefined {
  for (const problem of error instanceof OptionsError ? error.problems : [errorText(error)]) tell(explain(problem));
  process.exitCode = USAGE_ERROR;
}

/** "4 options from /etc/bridge.toml, 1 from the environment, 2 flags; 34 have their defaults". */
function sourcesOf(settings: ServeSettings): string {
  const origins = [...settings.all.values()].map(({ origin }) => origin);
  const count = (kind: (typeof origins)[number]["kind"]) => origins.filter((origin) => origin.kind === kind).length;
  const file = origins.find((origin) => origin.kind === "file");
  const parts = [
    ...(file ? [`${count("file")} from ${file.path}`] : []),
    ...(count("environment") > 0 ? [`${count("environment")} from the environment`] : []),
    ...(count("flag") > 0 ? [`${count("flag")} from flags`] : []),
  ];
  return `${parts.join(", ")}, and ${count("default")} with their defaults`;
}

const tell = (text: string) => process.stderr.write(`mesos-bridge config: ${text}\n`);
