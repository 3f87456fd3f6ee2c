import { type Clock, systemClock } from "../../../wire/clock.js";
import { Secrets } from "../../../wire/secrets.js";
import { WatchedFile } from "./watchedFile.js";

/** How the bridge authenticates to the master. */
export interface Authentication {
  /** The `Authorization` header's value as of now, or undefined to send none. Reads files again when they changed. */
  header(): Promise<string | undefined>;
  /**
   * Calls `listener` with the header within about a second after it became another one, or can be read again after it
   * could not. Returns what ends that.
   */
  onChanged(listener: (header: string) => void): () => void;
  /** What of this must not be told, in any of its forms. It knows all that `header` gave lately. */
  readonly secrets: Secrets;
  /** The principal, where the scheme names one: FrameworkInfo.principal has to equal it. */
  readonly principal: string | undefined;
}

export const noAuthentication: Authentication = {
  header: async () => undefined,
  onChanged: () => () => {},
  secrets: new Secrets(),
  principal: undefined,
};

/**
 * HTTP basic authentication, as Mesos's `--credentials` want it, with a secret from a file.
 *
 * @param secrets what is to know the secret. Default: one of its own
 */
export function basicAuthentication(
  principal: string,
  secretFile: string,
  clock: Clock = systemClock,
  secrets: Secrets = new Secrets(),
): Authentication {
  const header = (secret: string) => basicHeader(principal, secret, secrets);
  return { principal, secrets, ...headerFrom(new WatchedFile(secretFile, header, clock)) };
}

/** The same with a secret that does not change. */
export function fixedAuthentication(principal: string, secret: string, secrets: Secrets): Authentication {
  const header = basicHeader(principal, secret, secrets);
  return { principal, secrets, header: async () => header, onChanged: () => () => {} };
}

function basicHeader(principal: string, secret: string, secrets: Secrets): string {
  const credentials = `${principal}:${secret}`;
  const encoded = Buffer.from(credentials, "utf8").toString("base64");
  secrets.remember(secret, credentials, encoded.replace(/=+$/, ""));
  return `Basic ${encoded}`;
}

/** A bearer token from a file, which may be replaced while the bridge runs. */
export function bearerAuthentication(tokenFile: string, clock: Clock = systemClock): Authentication {
  const secrets = new Secrets();
  const header = (token: string) => {
    // The error must not show the token.
    if (/[^\t\x20-\x7e\x80-\xff]/.test(token)) throw new Error("holds characters that no HTTP header can hold");
    secrets.remember(token);
    return `Bearer ${token}`;
  };
  return { principal: undefined, secrets, ...headerFrom(new WatchedFile(tokenFile, header, clock)) };
}

function headerFrom(file: WatchedFile) {
  return {
    header: () => file.value(),
    onChanged: (listener: (header: string) => void) => file.onChanged(listener),
  };
}
