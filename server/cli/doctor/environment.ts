import { descriptorsFor, withinDescriptors } from "../descriptors.js";
import { type Check, ok, skip, warn } from "./check.js";

/** What programs read to find a proxy. They may hold a password, so their values are never shown. */
const PROXY_NAMES = ["http_proxy", "https_proxy", "all_proxy"];

export const descriptors: Check = {
  name: "open files",
  run: ({ config, machine: { openFiles } }) => {
    if (openFiles === undefined) return skip("the system does not say how many files a process may open");
    const { maxFrameworks, maxConnections } = withinDescriptors(config, openFiles);
    if (maxFrameworks === config.maxFrameworks && maxConnections === config.maxConnections) {
      return ok(`ulimit -n is ${openFiles}`);
    }
    const allowed = `${maxFrameworks} frameworks and ${maxConnections} connections`;
    return warn(
      `ulimit -n is ${openFiles}, which allows only ${allowed}`,
      `Raise it to ${descriptorsFor(config)} (ulimit -n, or LimitNOFILE= of systemd), or lower --max-frameworks and --max-connections.`,
    );
  },
};

export const proxies: Check = {
  name: "proxies",
  run: ({ machine: { environment } }) => {
    const found = PROXY_NAMES.flatMap((name) => [name, name.toUpperCase()]).filter((name) => environment[name]);
    if (found.length === 0) return ok("the environment names none");
    const [are, do_] = found.length === 1 ? ["is", "it"] : ["are", "them"];
    return warn(
      `${found.join(", ")} ${are} set, and the bridge does not use ${do_}: it connects to masters and ZooKeeper directly`,
      "If only the proxy reaches the masters, run the bridge where they can be reached directly; otherwise there is nothing to do.",
    );
  },
};
