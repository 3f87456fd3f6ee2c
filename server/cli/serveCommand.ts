import { Command } from "commander";
import { addConfigOption } from "./configOption.js";
import { addOptions } from "./options.js";
import { SERVE_OPTIONS } from "./serveOptions.js";
import { version } from "./version.js";

/** `serve`: runs the bridge. */
export function serveCommand(): Command {
  const command = new Command("serve")
    .description("Runs the bridge: holds Mesos subscriptions and serves schedulers over gRPC.")
    .version(version);
  return (
    addConfigOption(addOptions(command, SERVE_OPTIONS))
      .addHelpText(
        "after",
        "\nPrints 'ready ADDRESS' for each --listen on stdout when it serves; the log goes to stderr. SIGTERM finishes the calls in\n" +
          "progress and ends it; a second one ends it at once.\n" +
          "Options can also come from MESOS_BRIDGE_* variables and the file of --config: docs/configuration.md\n" +
          "\nExample:\n  mesos-bridge serve --master 127.0.0.1:5050 --listen 127.0.0.1:50051 --data-dir ./data",
      )
      // Loaded on demand: otherwise the other commands would load the whole bridge too.
      .action(async (flags: Record<string, unknown>) => (await import("./runServe.js")).runServe(flags))
  );
}
