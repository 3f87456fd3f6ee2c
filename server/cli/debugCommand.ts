import { Command } from "commander";
import { BUNDLE_OPTIONS, type BundleFlags, OPTIONAL_SERVE_OPTIONS } from "./bundle/options.js";
import { addConfigOption } from "./configOption.js";
import { addOptions } from "./options.js";

/** `debug`: helps others to find a fault. */
export function debugCommand(): Command {
  const command = new Command("debug")
    .description("Collects what others need to find a fault.")
    .showHelpAfterError("(add --help for usage)");
  const bundle = new Command("bundle")
    .description("Writes an archive with state, configuration, metrics and log, without secrets.")
    .showHelpAfterError("(add --help for usage)");
  addOptions(bundle, BUNDLE_OPTIONS);
  addConfigOption(addOptions(bundle, OPTIONAL_SERVE_OPTIONS))
    .addHelpText(
      "after",
      "\nAll options but --output may be left out: the archive says what it lacks. It works without a running bridge too.\n" +
        "With --master and --data-dir, or --config, the report of the doctor is in it.\n" +
        "\nExample:\n  mesos-bridge debug bundle --output bundle.tar.gz --bridge 127.0.0.1:50051 --data-dir ./data",
    )
    // Loaded on demand: otherwise the other commands would load all of it too.
    .action(async (flags: BundleFlags) => (await import("./runBundle.js")).runBundle(flags));
  return command.addCommand(bundle);
}
