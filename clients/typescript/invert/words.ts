import type { Connection } from "./connection.js";
import type { FileServer } from "./fileServer.js";
import type { ImageRecord } from "./image.js";
import { inputUrlOf } from "./task.js";

/** The executor names images by their URLs, which are of no use to people and hold tokens. */
export function withoutUrls(message: string, image: ImageRecord, server: FileServer): string {
  return message
    .replace(`${inputUrlOf(image, server)}: `, "")
    .replaceAll(inputUrlOf(image, server), image.name)
    .replaceAll(server.resultUrl(image.id, image.token), "mesos-invert");
}

/** What to look at when an agent seems not to reach this program. Without the URL's token. */
export function howToReach({ origin }: FileServer): string {
  return (
    `the agent has to fetch the executor from ${origin}/executor/…; if it can't reach that address, ` +
    "see --serve-host and --advertise-host"
  );
}

/** Why there are no offers though there is a master. */
export function whyNoOffers(connection: Connection, demand: string): string {
  const master = connection.state === "connected" && connection.master !== "" ? ` (master ${connection.master})` : "";
  return (
    `Mesos${master} makes no offers to ${demand}: it has no agent, or what its agents have is in use or kept for ` +
    "other roles"
  );
}
