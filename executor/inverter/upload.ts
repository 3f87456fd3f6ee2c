import { Readable } from "node:stream";
import { type Dispatcher, request } from "undici";
import { Credentials, proxyFor, USER_AGENT, withoutCredentials } from "./request.js";
import { withRetry } from "./retry.js";
import { connectionError, printableUrl, statusError, TransferError } from "./transferError.js";

/** Progress is told after each piece. */
const PIECE_BYTES = 256 * 1024;
const MAX_REDIRECTS = 3;

export interface UploadOptions {
  dispatcher: Dispatcher;
  signal: AbortSignal;
  contentType: string;
  onProgress?: (fraction: number) => void;
}

/**
 * Puts `data` at a URL: any 2xx is success. Tries again when the server is away or overloaded, so that the
 * server may get the same data twice. A 307 or 308 is followed, since these ask for the same PUT elsewhere. User and
 * password of the URL go to its own origin alone.
 *
 * @throws TransferError; the signal's reason when that is aborted
 */
export async function upload(url: string, data: Buffer, options: UploadOptions): Promise<void> {
  await withRetry(() => uploadOnce(new URL(url), data, options), options.signal);
}

async function uploadOnce(start: URL, data: Buffer, options: UploadOptions): Promise<void> {
  const credentials = new Credentials(start);
  let url = start;
  for (let hop = 0; hop <= MAX_REDIRECTS; hop++) {
    try {
      const authorization = credentials.for(url);
      const response = await request(withoutCredentials(url), {
        method: "PUT",
        dispatcher: options.dispatcher,
        signal: options.signal,
        headers: {
          "user-agent": USER_AGENT,
          "content-type": options.contentType,
          "content-length": String(data.length),
          ...(authorization !== undefined && { authorization }),
        },
        body: Readable.from(pieces(data, options.onProgress)),
      });
      const { statusCode, headers, body } = response;
      await body.dump({ limit: 64 * 1024, signal: options.signal });
      if (statusCode >= 200 && statusCode < 300) return;
      const location = headers.location;
      const redirected =
        (statusCode === 307 || statusCode === 308) && typeof location === "string" && URL.canParse(location, url.href);
      const next = redirected ? new URL(location, url) : undefined;
      if (!next || !/^https?:$/.test(next.protocol)) throw statusError(response, "for the upload to", url);
      url = next;
    } catch (error) {
      options.signal.throwIfAborted();
      throw connectionError(error, url, proxyFor(options.dispatcher, url));
    }
  }
  throw new TransferError(`more than ${MAX_REDIRECTS} redirects of the upload to ${printableUrl(start)}`, {
    retryable: false,
  });
}

async function* pieces(data: Buffer, onProgress: UploadOptions["onProgress"]): AsyncGenerator<Buffer> {
  for (let at = 0; at < data.length; at += PIECE_BYTES) {
    yield data.subarray(at, at + PIECE_BYTES);
    onProgress?.(Math.min(1, (at + PIECE_BYTES) / data.length));
  }
}
