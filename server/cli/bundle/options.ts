import { required as needed, type OptionTable, optional, type Typed } from "../options.js";
import { SERVE_OPTIONS } from "../serveOptions.js";
import { filled } from "../values.js";

const text = filled("must not be empty");

/** What `debug bundle` has beside the options of `serve`. */
export const BUNDLE_OPTIONS = {
  output: needed({ value: "file", help: "the archive to write, such as bundle.tar.gz; it must not exist", read: text }),
  bridge: optional({ value: "address", help: "a running bridge to ask: host:port or unix:/path", read: text }),
  bridgeCa: optional({ value: "file", help: "PEM certificates of the authorities of its certificate", read: text }),
  bridgeCert: optional({ value: "file", help: "PEM client certificate to show it; needs --bridge-key", read: text }),
  bridgeKey: optional({ value: "file", help: "PEM private key of --bridge-cert", read: text }),
  bridgeTokenFile: optional({ value: "file", help: "file with the token to send it", read: text }),
  metricsUrl: optional({
    value: "url",
    help: "where it serves metrics, such as http://127.0.0.1:9100",
    read: metricsUrl,
  }),
  logFile: optional({ value: "file", help: "the file of its log, of which the last MiB is taken", read: text }),
} satisfies OptionTable;

/** The options of `serve`, none of which must be given, and which are read later as `serve` does. */
export const OPTIONAL_SERVE_OPTIONS: OptionTable = Object.fromEntries(
  Object.entries(SERVE_OPTIONS).map(([name, option]) => [
    name,
    "required" in option ? { ...option, required: false } : option,
  ]),
);

export type BundleFlags = Typed<typeof BUNDLE_OPTIONS> & Typed<typeof SERVE_OPTIONS> & { readonly config?: string };

/** The address of the metrics, for an address of the bridge's HTTP listener. */
function metricsUrl(given: string): URL {
  const url = URL.canParse(given) ? new URL(given) : undefined;
  if (!url || !["http:", "https:"].includes(url.protocol)) throw new Error("use http://host:port or https://host:port");
  if (url.pathname === "/") url.pathname = "/metrics";
  return url;
}
