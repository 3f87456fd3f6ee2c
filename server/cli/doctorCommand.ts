import { Command } from "commander";
import { addConfigOption } from "./configOption.js";
import { addOptions } from "./options.js";
import { SERVE_OPTIONS } from "./serveOptions.js";

/** `doctor`: says what keeps `serve` with the same options from working. */
export function doctorCommand(): Command {
  const command = new Command("doctor")
    .description("Says what keeps the bridge from working with these options, and what to do. Changes nothing.")
    .showHelpAfterError("(add --help for usage)");
  return (
    addConfigOption(addOptions(command, SERVE_OPTIONS))
      .option("--json", "write JSON")
      .addHelpText(
        "after",
        "\nTakes the options of serve. Checks files, the data directory, the network, ZooKeeper and the master, within 20 s,\n" +
          "and names the first cause. Subscribes no framework.\n" +
          "Exit status: 0 if nothing is wrong, 1 if something is, 2 if the options can't be used.\n" +
          "\nExample:\n  mesos-bridge doctor --master 127.0.0.1:5050 --data-dir ./data",
      )
      // Loaded on demand: otherwise the other commands would load all of it too.
      .action(async ({ json, ...flags }: Readonly<Record<string, unknown>>) =>
        (await import("./runDoctor.js")).runDoctor(flags, json === true),
      )
  );
}
