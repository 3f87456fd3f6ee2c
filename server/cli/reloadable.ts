import type { ServeConfig } from "./serveConfig.js";

/** The options that a running bridge takes from a configuration that is read again. The others need a restart. */
export const RELOADED = ["defaultLease", "drainTimeout", "maxFrameworks", "maxObservers", "logLevel"] as const;

/** What of a configuration may change while the bridge runs. */
export type ReloadedConfig = Pick<ServeConfig, (typeof RELOADED)[number]>;
