package io.github.mesosbridge.emptytasks;

import java.time.Duration;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.UUID;

/** What the program is asked to do. */
record CommandLine(
    String bridge,
    Map<String, String> files,
    String frameworkName,
    String user,
    String role,
    int tasks,
    String command,
    int retries,
    Duration giveUpAfter,
    boolean standby,
    boolean help,
    boolean version) {

  /** Options that have no value. */
  private static final Set<String> SWITCHES = Set.of("--standby", "--version", "--help");

  static final String HELP =
      """
      Usage: empty-tasks [options]

      Launches tasks that do nothing on Mesos through the bridge, and sees them finish. The exit status is 0 if all did.

      Options:
        --bridge HOST:PORT[,...] the Mesos bridge, also as unix:/PATH (default: 127.0.0.1:50051)
        --bridge-ca FILE         PEM: the authorities that the bridge's certificate may be of, for TLS
        --bridge-cert FILE       PEM: this client's certificate, for TLS
        --bridge-key FILE        PEM: its key
        --bridge-token-file FILE the token that says who calls; read for each stream and call
                                 These default to MESOS_BRIDGE_CA, _CERT, _KEY and _TOKEN_FILE of the environment.
        --framework-name NAME    names this framework's session at the bridge (default: one of its own for each run)
        --user NAME              the user that tasks run as on the agents (default: you)
        --role ROLE              the Mesos role whose resources are used (default: *)
        --tasks N                how many tasks (default: 5)
        --command COMMAND        the shell command of each task (default: true)
        --retries N              how often a task is launched again when Mesos lost it (default: 3)
        --give-up-after SECONDS  end when the bridge could not be reached for so long (default: 60)
        --standby                wait while another instance is active, and take over when it is gone; an
                                 interrupt hands over
        --version                print the version and end
        --help                   print this and end
      """;

  /**
   * Reads arguments, as {@code --name value} or {@code --name=value}.
   *
   * @throws IllegalArgumentException that says what is wrong with them
   */
  static CommandLine parse(String... arguments) {
    Map<String, String> values = new HashMap<>();
    values.put("--bridge", "127.0.0.1:50051");
    for (String file : List.of("ca", "cert", "key", "token-file")) {
      values.put("--bridge-" + file, System.getenv().getOrDefault(variable(file), ""));
    }
    // Two runs don't end each other's framework.
    String ownName = "empty-tasks-" + UUID.randomUUID().toString().substring(0, 8);
    values.put("--framework-name", ownName);
    values.put("--user", System.getProperty("user.name"));
    values.put("--role", "*");
    values.put("--tasks", "5");
    values.put("--command", "true");
    values.put("--retries", "3");
    values.put("--give-up-after", "60");
    Set<String> switches = new HashSet<>();
    for (int i = 0; i < arguments.length; i++) {
      if (SWITCHES.contains(arguments[i])) {
        switches.add(arguments[i]);
        continue;
      }
      String[] parts = arguments[i].split("=", 2);
      if (!values.containsKey(parts[0])) {
        throw new IllegalArgumentException("unknown option " + parts[0]);
      }
      if (parts.length == 1 && ++i == arguments.length) {
        throw new IllegalArgumentException(parts[0] + " needs a value");
      }
      values.put(parts[0], parts.length == 2 ? parts[1] : arguments[i]);
    }
    String address = "((\\[[0-9a-fA-F:.]+\\]|[^:/,\\s]+):\\d{1,5}|unix:[^,]+)";
    if (!values.get("--bridge").matches(address + "( *, *" + address + ")*")) {
      throw new IllegalArgumentException(
          "--bridge must be HOST:PORT, such as 127.0.0.1:50051, or unix:/PATH, or several with commas between them");
    }
    boolean standby = switches.contains("--standby");
    if (standby && values.get("--framework-name").equals(ownName)) {
      throw new IllegalArgumentException("--standby needs --framework-name: the instances share one");
    }
    return new CommandLine(
        values.get("--bridge"),
        files(values),
        values.get("--framework-name"),
        values.get("--user"),
        values.get("--role"),
        number(values, "--tasks", 1),
        values.get("--command"),
        number(values, "--retries", 0),
        Duration.ofSeconds(number(values, "--give-up-after", 0)),
        standby,
        switches.contains("--help"),
        switches.contains("--version"));
  }

  private static String variable(String file) {
    return "MESOS_BRIDGE_" + file.replace('-', '_').toUpperCase(Locale.ROOT);
  }

  /** As the environment would name them. */
  private static Map<String, String> files(Map<String, String> values) {
    Map<String, String> files = new HashMap<>();
    for (String file : List.of("ca", "cert", "key", "token-file")) {
      files.put(variable(file), values.get("--bridge-" + file));
    }
    return files;
  }

  private static int number(Map<String, String> values, String name, int least) {
    try {
      int value = Integer.parseInt(values.get(name));
      if (value >= least) {
        return value;
      }
    } catch (NumberFormatException none) {
      // Said below.
    }
    throw new IllegalArgumentException(name + " must be a whole number of at least " + least);
  }
}
