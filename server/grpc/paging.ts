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

/**
 * Cuts a page out of items. A token holds the key of the last item that was given, so that items which
 * come and go in between neither repeat nor hide others. `bytesOf` tells how large an item is. @throws BridgeError INVALID_FIELD
 */
export function pageOf<Item>(
  items: Iterable<Item>,
  keyOf: (item: Item) => string,
  { pageSize, pageToken }: { readonly pageSize: number; readonly pageToken: string },
  bytesOf: (item: Item) => number = () => 0,
): Page<Item> {
  if (pageSize < 0) throw invalidField("page_size", "must not be negative");
  const size = Math.min(pageSize === 0 ? DEFAULT_PAGE_SIZE : pageSize, MAX_PAGE_SIZE);
  const after = readToken(pageToken);
  const keyed = [...items].map((item) => ({ item, key: keyOf(item) }));
  const rest = keyed.filter(({ key }) => after === undefined || key > after);
  rest.sort((a, b) => (a.key < b.key ? -1 : a.key > b.key ? 1 : 0));
  const page = rest.slice(0, Math.min(size, fitting(rest.map(({ item }) => bytesOf(item)))));
  const last = page.at(-1);
  const more = rest.length > page.length && last;
  return { items: page.map(({ item }) => item), nextPageToken: more ? writeToken(last.key) : "" };
}

/** How many of the first items fit into a page; one always does. */
function fitting(sizes: readonly number[]): number {
  let bytes = 0;
  for (const [i, size] of sizes.entries()) {
    bytes += size;
    if (i > 0 && bytes > MAX_PAGE_BYTES) return i;
  }
  return sizes.length;
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
