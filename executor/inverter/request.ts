import type { Dispatcher } from "undici";
import { basicAuthorization, ProxyDispatcher } from "./proxies.js";

/** Some servers refuse who does not say what it is. */
export const USER_AGENT = "mesos-bridge-inverter/1";

/** User and password of a URL. They go to the origin that they were given for, and to no other one. */
export class Credentials {
  readonly #origin: string;
  readonly #authorization: string | undefined;

  constructor(url: URL) {
    this.#origin = url.origin;
    this.#authorization = basicAuthorization(url);
  }

  /** The Authorization for a request, including those after a redirect, whose target may have its own user. */
  for(url: URL): string | undefined {
    return basicAuthorization(url) ?? (url.origin === this.#origin ? this.#authorization : undefined);
  }
}

/** The URL without user and password. */
export function withoutCredentials(url: URL): URL {
  const copy = new URL(url);
  copy.username = "";
  copy.password = "";
  return copy;
}

/** The proxy through which requests to the URL go, for people. */
export function proxyFor(dispatcher: Dispatcher, url: URL): string | undefined {
  return dispatcher instanceof ProxyDispatcher ? dispatcher.proxyOf(url) : undefined;
}
