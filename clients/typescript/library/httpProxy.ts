import { OptionError } from "./optionError.js";

/** An HTTP proxy that connects to the bridge. */
export interface HttpProxy {
  /** As HOST:PORT. */
  readonly address: string;
  /** As USER:PASSWORD; undefined for a proxy that asks for none. */
  readonly credentials: string | undefined;
}

/**
 * Reads an option that names a proxy.
 *
 * @throws OptionError unless it is `http://[USER:PASSWORD@]HOST:PORT`. It does not repeat the text, which may hold a password.
 */
export function parseHttpProxy(text: string): HttpProxy {
  try {
    const { protocol, hostname, port, pathname, search, hash, username, password } = new URL(text);
    if (protocol !== "http:" || pathname + search + hash !== "/") throw new OptionError("more or less than a proxy");
    const credentials = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`;
    return { address: `${hostname}:${port || "80"}`, credentials: credentials === ":" ? undefined : credentials };
  } catch {
    throw new OptionError("proxy should be http://HOST:PORT, or http://USER:PASSWORD@HOST:PORT with both URL-encoded");
  }
}
