/** Where masters have their scheduler API; some of Mesos's redirections lead to a master's root. */
const MASTER_PATHS = /^(\/(master\/)?api\/v1\/scheduler)?\/?$/;

/**
 * Where a 307 of a master that does not lead leads: Mesos writes `//host:port/path`, older documents say `host:port`.
 * The scheme stays that of the master that was asked. Undefined if no master wrote it: a redirection to anything else
 * than a master (a login page) must neither be followed, as the credentials would go along, nor be taken for an answer.
 */
export function leaderOf(location: unknown, asked: URL): URL | undefined {
  if (typeof location !== "string" || location === "" || /^\/(?!\/)/.test(location)) return undefined;
  const absolute = /^https?:\/\//.test(location) ? location : `${asked.protocol}//${location.replace(/^\/\//, "")}`;
  if (!URL.canParse(absolute)) return undefined;
  const url = new URL(absolute);
  if (url.hostname === "" || (asked.protocol === "https:" && url.protocol !== "https:")) return undefined;
  const foreign = !MASTER_PATHS.test(url.pathname) || url.search !== "" || url.username !== "" || url.password !== "";
  return foreign ? undefined : new URL(url.origin);
}
