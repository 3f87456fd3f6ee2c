import { promisify } from "node:util";
import { brotliDecompress, gunzip, inflate, inflateRaw } from "node:zlib";
import { printableBytes, printableUrl, TransferError } from "./transferError.js";

/** What a server may apply. Images are compressed already: as they are is best. */
export const ACCEPT_ENCODING = "identity, gzip;q=0.5, deflate;q=0.5, br;q=0.5";

/** Nested encodings: an honest answer does not have more than a few. */
const MAX_LAYERS = 3;

type Decoder = (data: Buffer, options: { maxOutputLength: number }) => Promise<Buffer>;

const unzip: Decoder = promisify(gunzip);
const zlibInflate: Decoder = promisify(inflate);
const rawInflate: Decoder = promisify(inflateRaw);

const DECODERS: Readonly<Record<string, Decoder>> = {
  gzip: unzip,
  "x-gzip": unzip,
  br: promisify(brotliDecompress),
  // Some servers leave out zlib's header, which the standard wants. Its first byte names the method 8.
  deflate: (data, options) => (((data[0] ?? 0) & 0x0f) === 8 ? zlibInflate : rawInflate)(data, options),
};

/**
 * Undoes a response's Content-Encoding.
 *
 * @param maxBytes  limit of what comes out, also between two encodings
 * @throws TransferError when it is not known, the bytes are not encoded so, or too much comes out
 */
export async function decodeContent(
  body: Buffer,
  header: string | string[] | undefined,
  maxBytes: number,
  url: URL,
): Promise<Buffer> {
  const encodings = String(header ?? "")
    .split(",")
    .map((name) => name.trim().toLowerCase())
    .filter((name) => name !== "" && name !== "identity");
  const fail = (text: string, cause?: unknown) =>
    new TransferError(`${printableUrl(url)} ${text}`, { retryable: false, cause });
  if (encodings.length > MAX_LAYERS) throw fail("comes with too many Content-Encodings");
  let data = body;
  for (const name of encodings.reverse()) {
    const decode = Object.hasOwn(DECODERS, name) ? DECODERS[name] : undefined;
    if (decode === undefined) throw fail("comes with a Content-Encoding other than gzip, deflate and br");
    // Some servers send the header even if the answer does not have a body.
    if (data.length === 0) continue;
    try {
      data = await decode(data, { maxOutputLength: maxBytes });
    } catch (error) {
      const tooLarge = (error as NodeJS.ErrnoException).code === "ERR_BUFFER_TOO_LARGE";
      if (tooLarge) throw fail(`is over the limit of ${printableBytes(maxBytes)}`, error);
      throw fail(`comes with the Content-Encoding ${name}, but is not encoded so`, error);
    }
  }
  return data;
}
