import { WatchedFile } from "./watchedFile.js";

/** How the bridge proves to the master who it is. */
export interface Authentication {
  /** The `Authorization` header's value as of now, or undefined to send none. Reads files again when they changed. */
  header(): Promise<string | undefined>;
  /**
   * Calls `listener` with the header within about a second after it became another one, or can be read again after it
   * could not. Returns what ends that.
   */
  onChanged(listener: (header: string) => void): () => void;
  /** The principal, where the scheme names one: FrameworkInfo.principal has to equal it. */
  readonly principal: string | undefined;
}

export const noAuthentication: Authentication = {
  header: async () => undefined,
  onChanged: () => () => {},
  principal: undefined,
};

/** HTTP basic authentication, as Mesos's `--credentials` want it. */
export function basicAuthentication(principal: string, secretFile: string): Authentication {
  const header = (secret: string) => `Basic ${Buffer.from(`${principal}:${secret}`, "utf8").toString("base64")}`;
  return { principal, ...headerFrom(new WatchedFile(secretFile, header)) };
}

/** A bearer token from a file, which may be replaced while the bridge runs. */
export function bearerAuthentication(tokenFile: string): Authentication {
  const header = (token: string) => {
    // The error must not show the token.
    if (/[^\t\x20-\x7e\x80-\xff]/.test(token)) throw new Error("holds characters that no HTTP header can hold");
    return `Bearer ${token}`;
  };
  return { principal: undefined, ...headerFrom(new WatchedFile(tokenFile, header)) };
}

function headerFrom(file: WatchedFile) {
  return {
    header: () => file.value(),
    onChanged: (listener: (header: string) => void) => file.onChanged(listener),
  };
}
