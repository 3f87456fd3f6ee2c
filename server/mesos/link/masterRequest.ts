import { Client } from "undici";
import type { Clock } from "../../../wire/clock.js";
import type { Answer } from "./answerText.js";
import { Connecting } from "./connecting.js";
import type { Connect } from "./openSocket.js";

/** Longer than a whole question takes, which is what ends first. */
const CONNECT_TIMEOUT_MS = 60_000;
const MAX_ANSWER_BYTES = 65_536;

/** How a master is reached. */
export interface Means {
  readonly connect: Connect;
  readonly clock: Clock;
}

/** What a master answered, with the headers that say more than the body. */
export interface MasterAnswer extends Answer {
  /** Empty if it has none. */
  readonly allow: string;
  readonly location: string | undefined;
  readonly date: string | undefined;
}

/**
 * Makes one GET request on a connection of its own, and ends that connection.
 *
 * @param authorization the header's value; undefined to send none
 * @throws Error if there is no answer; `connectErrorText` puts it into words
 */
export async function getFromMaster(
  master: URL,
  path: string,
  authorization: string | undefined,
  means: Means,
  signal: AbortSignal,
): Promise<MasterAnswer> {
  const connecting = new Connecting({ master, ...means, connectTimeoutMs: CONNECT_TIMEOUT_MS });
  const client = new Client(master.origin, {
    connect: (_, callback) => connecting.open(callback),
    maxResponseSize: MAX_ANSWER_BYTES,
  });
  try {
    const headers = authorization === undefined ? {} : { authorization };
    const response = await client.request({ method: "GET", path, headers, signal });
    const { "content-type": contentType = "", allow = "", location, date } = response.headers;
    return {
      status: response.statusCode,
      contentType: String(contentType),
      body: Buffer.from(await response.body.arrayBuffer()),
      allow: String(allow),
      location: location === undefined ? undefined : String(location),
      date: date === undefined ? undefined : String(date),
    };
  } finally {
    connecting.close();
    await client.destroy();
  }
}
