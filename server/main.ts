#!/usr/bin/env node
import { Command } from "commander";
import type { ServeFlags } from "./config.js";
import { localCommand } from "./embedded/command.js";
import { frameworksCommand } from "./frameworksCommand.js";
import { version } from "./version.js";

const program = new Command("mesos-bridge")
  .description("Drives Apache Mesos from any language: offers, launches and status updates as gRPC streams.")
  .version(version)
  .showHelpAfterError("(add --help for what can be given)")
  .addHelpText(
    "after",
    "\nExample:\n  mesos-bridge serve --master 127.0.0.1:5050 --listen 127.0.0.1:50051 --data-dir ./data",
  );

program.addCommand(serveCommand());
program.addCommand(frameworksCommand());
program.addCommand(localCommand());
await program.parseAsync();

function serveCommand(): Command {
  return (
    new Command("serve")
      .description("Runs the bridge: holds Mesos subscriptions and serves schedulers over gRPC.")
      .version(version)
      .requiredOption(
        "--master <spec>",
        "the masters: host:port[,host:port...], http(s)://host:port, zk://[user:password@]host:port[,host:port...]/path, " +
          "or file:///path of a file that holds one of these",
      )
      .option(
        "--master-scheme <scheme>",
        "http or https, of masters whose address names none: host:port, and zk://",
        "http",
      )
      .option("--listen <host:port>", "where to serve gRPC; port 0 takes any", "127.0.0.1:50051")
      .option(
        "--insecure",
        "let --listen be an address that other machines reach: clients are not authenticated, so whoever reaches it controls every framework",
      )
      .requiredOption("--data-dir <dir>", "where frameworks are remembered; made if it is missing")
      .option("--principal <name>", "authenticate to Mesos by HTTP basic authentication, with --secret-file")
      .option("--secret-file <file>", "holds the principal's secret; read again when it changes")
      .option(
        "--token-file <file>",
        "authenticate to Mesos by the bearer token in this file; read again when it changes",
      )
      .option("--master-ca <file>", "PEM certificates to trust for https masters")
      .option("--default-lease <duration>", "how long a session outlives its client that asks for no lease", "60s")
      .option("--offer-hold <duration>", "how long open offers are kept for an absent client", "5s")
      .option(
        "--client-timeout <duration>",
        "how long a client may be silent, on the level of HTTP/2, before it is taken for gone",
        "50s",
      )
      .option(
        "--missed-heartbeats <number>",
        "after how many missed heartbeats (Mesos sends one each 15 s) a silent master is given up",
        "5",
      )
      .option(
        "--call-timeout <duration>",
        "how long Mesos may take to answer a call before its outcome is reported as unknown",
        "30s",
      )
      .option(
        "--drain-timeout <duration>",
        "how long SIGTERM waits for the answers to calls under way before their outcome is reported as unknown",
        "10s",
      )
      .option("--max-frameworks <number>", "frameworks at a time; new names beyond it are refused", "5000")
      .option("--max-connections <number>", "connections of clients at a time", "2000")
      .option("--max-observers <number>", "Watch streams at a time; one connection may have a tenth of them", "1000")
      .option(
        "--max-request-size <size>",
        "the largest request that a client may send, such as 512KiB or 16MiB",
        "16MiB",
      )
      .option(
        "--request-timeout <duration>",
        "how long a request may take to arrive whole, and an answer to be taken, before the client loses its stream or connection",
        "60s",
      )
      .option("--log-level <level>", "debug, info, warn or error", "info")
      .addHelpText(
        "after",
        "\nPrints 'ready HOST:PORT' on stdout once it serves; logs go to stderr. SIGTERM drains and ends it;\n" +
          "a second one ends it at once.\n" +
          "\nExample:\n  mesos-bridge serve --master 127.0.0.1:5050 --listen 127.0.0.1:50051 --data-dir ./data",
      )
      // Loaded when it is needed: the other commands would wait for all that the bridge consists of.
      .action(async (flags: ServeFlags) => (await import("./serveCommand.js")).runServe(flags))
  );
}
