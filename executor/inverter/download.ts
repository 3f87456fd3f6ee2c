import { type Dispatcher, request } from "undici";
import { ACCEPT_ENCODING, decodeContent } from "./contentEncoding.js";
import { Credentials, proxyFor, USER_AGENT, withoutCredentials } from "./request.js";
import { withRetry } from "./retry.js";
import { connectionError, printableBytes, printableUrl, statusError, TransferError } from "./transferError.js";

const MAX_REDIRECTS = 5;
const REDIRECTS: ReadonlySet<number> = new Set([301, 302, 303, 307, 308]);

export interface DownloadOptions {
  dispatcher: Dispatcher;
  signal: AbortSignal;
  /** A download is broken off as soon as it is known to be larger, as it is sent or once it is decoded. */
  maxBytes: number;
  /** Told the fraction that has come, where the server announced the length. */
  onProgress?: (fraction: number) => void;
}

/**
 * Fetches a URL into memory, and undoes its Content-Encoding. Follows up to 5 redirects, and tries again when the server
 * is away or overloaded. User and password of the URL go to its own origin alone.
 *
 * @throws TransferError; the signal's reason when that is aborted
 */
export async function download(url: string, options: DownloadOptions): Promise<Buffer> {
  return await withRetry(() => downloadOnce(new URL(url), options), options.signal);
}

async function downloadOnce(start: URL, options: DownloadOptions): Promise<Buffer> {
  const credentials = new Credentials(start);
  let url = start;
  for (let hop = 0; hop <= MAX_REDIRECTS; hop++) {
    try {
      const authorization = credentials.for(url);
      const response = await request(withoutCredentials(url), {
        dispatcher: options.dispatcher,
        signal: options.signal,
        headers: {
          "user-agent": USER_AGENT,
          accept: "image/*, */*;q=0.5",
          "accept-encoding": ACCEPT_ENCODING,
          ...(authorization !== undefined && { authorization }),
        },
      });
      const next = redirectTarget(response, url);
      if (!next) return await readBody(response, url, options);
      await response.body.dump({ limit: 64 * 1024, signal: options.signal });
      url = next;
    } catch (error) {
      options.signal.throwIfAborted();
      throw connectionError(error, url, proxyFor(options.dispatcher, url));
    }
  }
  throw new TransferError(`more than ${MAX_REDIRECTS} redirects from ${printableUrl(start)}`, { retryable: false });
}

function redirectTarget({ statusCode, headers }: Dispatcher.ResponseData, from: URL): URL | undefined {
  const location = headers.location;
  if (!REDIRECTS.has(statusCode) || typeof location !== "string") return undefined;
  if (!URL.canParse(location, from.href))
    throw new TransferError(`redirect to nowhere from ${printableUrl(from)}`, { retryable: false });
  const target = new URL(location, from);
  if (target.protocol !== "http:" && target.protocol !== "https:") {
    throw new TransferError(
      `redirect to ${target.protocol} from ${printableUrl(from)}, and only http and https are followed`,
      { retryable: false },
    );
  }
  return target;
}

async function readBody(
  response: Dispatcher.ResponseData,
  url: URL,
  { maxBytes, onProgress, signal }: DownloadOptions,
): Promise<Buffer> {
  const { statusCode, headers, body } = response;
  if (statusCode !== 200) {
    await body.dump({ limit: 64 * 1024, signal });
    throw statusError(response, "from", url);
  }
  const length = Number(headers["content-length"] ?? Number.NaN);
  if (length > maxBytes) {
    discard(body);
    throw new TransferError(
      `${printableUrl(url)} is ${printableBytes(length)}, over the limit of ${printableBytes(maxBytes)}`,
      { retryable: false },
    );
  }
  const chunks: Buffer[] = [];
  let received = 0;
  for await (const chunk of body as AsyncIterable<Buffer>) {
    received += chunk.length;
    if (received > maxBytes) {
      discard(body);
      throw new TransferError(`${printableUrl(url)} is over the limit of ${printableBytes(maxBytes)}`, {
        retryable: false,
      });
    }
    chunks.push(chunk);
    if (length > 0) onProgress?.(Math.min(1, received / length));
  }
  return await decodeContent(Buffer.concat(chunks, received), headers["content-encoding"], maxBytes, url);
}

/** Breaks a response off. Its stream then reports that as an error, which would end the process if nobody listened. */
function discard(body: Dispatcher.ResponseData["body"]): void {
  body.on("error", () => {});
  body.destroy();
}
