import { eventually } from "./eventually.js";

/** What keeps a process busy and may be forgotten: sockets, names being looked up, timers. */
const WATCHED = ["TCPSocketWrap", "TLSWrap", "TCPConnectWrap", "GetAddrInfoReqWrap", "Timeout"];

function count(): Record<string, number> {
  const counts = Object.fromEntries(WATCHED.map((name) => [name, 0]));
  for (const name of process.getActiveResourcesInfo()) if (name in counts) counts[name] = (counts[name] ?? 0) + 1;
  return counts;
}

/**
 * Remembers which sockets and timers there are now.
 *
 * @returns waits until there are no more than that, and throws if that takes too long
 */
export function watchLeftovers(): () => Promise<void> {
  const before = count();
  return async () => {
    await eventually(
      () => {
        const now = count();
        // The poll itself sleeps on no timer at this moment.
        const more = WATCHED.filter((name) => (now[name] ?? 0) > (before[name] ?? 0));
        if (more.length === 0) return true;
        throw new Error(
          `left over: ${more.map((name) => `${(now[name] ?? 0) - (before[name] ?? 0)} ${name}`).join(", ")}`,
        );
      },
      { what: "the end of sockets and timers", timeoutMs: 20_000 },
    );
  };
}
