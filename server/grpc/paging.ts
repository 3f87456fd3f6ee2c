import { invalidField } from "../session/errors.js";

const DEFAULT_PAGE_SIZE = 100;
const MAX_PAGE_SIZE = 1000;
/** Every stub language refuses messages of over 4 MiB by default: a page ends before, whatever its size. */
const MAX_PAGE_BYTES = 3 * 1024 * 1024;

/** One page of items in the order of their keys, and the token of the next; "" on the last page. */
export interface Page<Item> {
  readonly items: readonly Item[];
  readonly nextPageToken: string;
}

/** Which page a request asks for. */
export interface PageRequest {
  readonly pageSize: number;
  readonly pageToken: string;
}

/**
 * Reads one page. A token holds the key of the last item that was given, so that items which come and go in between
 * neither repeat nor hide others. @throws BridgeError INVALID_FIELD
 *
 * @param after gives the items after a key, or all of them, in the order of their keys. Only the items of the page are read, and
 *   one more that shows whether there is a next page
 * @param bytesOf returns the size of an item
 */
export function pageOf<Item>(
  after: (key: string | undefined) => Iterable<Item>,
  keyOf: (item: Item) => string,
  { pageSize, pageToken }: PageRequest,
  bytesOf: (item: Item) => number = () => 0,
): Page<Item> {
  if (pageSize < 0) throw invalidField("page_size", "must not be negative");
  const size = Math.min(pageSize === 0 ? DEFAULT_PAGE_SIZE : pageSize, MAX_PAGE_SIZE);
  const items: Item[] = [];
  let bytes = 0;
  for (const item of after(readToken(pageToken))) {
    const last = items.at(-1);
    bytes += bytesOf(item);
    // One item always fits.
    if (last !== undefined && (items.length === size || bytes > MAX_PAGE_BYTES)) {
      return { items, nextPageToken: writeToken(keyOf(last)) };
    }
    items.push(item);
  }
  return { items, nextPageToken: "" };
}

const TOKEN_PREFIX = "1.";

function writeToken(key: string): string {
  return TOKEN_PREFIX + Buffer.from(key, "utf8").toString("base64url");
}

function readToken(token: string): string | undefined {
  if (token === "") return undefined;
  if (!/^1\.[\w-]*$/.test(token)) throw invalidField("page_token", "is not a token of this method: start without one");
  return Buffer.from(token.slice(TOKEN_PREFIX.length), "base64url").toString("utf8");
}
