import type { SchedulerEvent } from "../library/events.js";

/** How far the way to Mesos stands. */
export type Connection =
  | { state: "no-bridge"; reason: string }
  | { state: "no-master"; reason: string }
  | { state: "connected"; master: string };

/** Before the first event. */
export const NOT_CONNECTED: Connection = { state: "no-bridge", reason: "it has not answered yet" };

/** The connection after an event; the same object when the event says nothing about it. */
export function connectionAfter(before: Connection, event: SchedulerEvent): Connection {
  switch (event.kind) {
    case "detached":
      return { state: "no-bridge", reason: event.error.message };
    case "opened":
      return event.linked
        ? { state: "connected", master: "" }
        : { state: "no-master", reason: "the bridge is looking for one" };
    case "link-changed":
      return event.linked
        ? { state: "connected", master: event.master }
        : { state: "no-master", reason: event.reason || "the bridge is looking for one" };
    case "subscribed": {
      const { hostname = "", port } = event.masterInfo ?? {};
      return { state: "connected", master: hostname === "" ? "" : `${hostname}:${port}` };
    }
    default:
      return before;
  }
}

/** What is missing, for people; undefined while nothing is. */
export function missing(connection: Connection): string | undefined {
  if (connection.state === "no-bridge") return `not attached to the bridge: ${connection.reason}`;
  if (connection.state === "no-master") return `the bridge has no Mesos master: ${connection.reason}`;
  return undefined;
}
