import { STATUS_CODES } from "node:http";
import { retryAfterMs } from "./retryAfter.js";

/** A download or an upload that failed; the message says what happened at which address. */
export class TransferError extends Error {
  override readonly name = "TransferError";
  /** True where the same request may succeed later: the server was away or overloaded. */
  readonly retryable: boolean;

  /** How long the server asks to wait before the next try, in ms. */
  readonly retryAfterMs: number | undefined;

  constructor(message: string, options: { retryable: boolean; retryAfterMs?: number | undefined; cause?: unknown }) {
    super(message, { cause: options.cause });
    this.retryable = options.retryable;
    this.retryAfterMs = options.retryAfterMs;
  }
}

/** Answers of a server that is overloaded, restarting, or behind a proxy that lost it. */
const RETRYABLE_STATUSES: ReadonlySet<number> = new Set([408, 425, 429, 500, 502, 503, 504]);

/** The error for an answer that is not the expected one. */
export function statusError({ statusCode, headers }: Answer, verb: string, url: URL): TransferError {
  const text = STATUS_CODES[statusCode] ?? "unknown status";
  return new TransferError(`${statusCode} ${text} ${verb} ${printableUrl(url)}`, {
    retryable: RETRYABLE_STATUSES.has(statusCode),
    retryAfterMs: retryAfterMs(headers["retry-after"], Date.now()),
  });
}

interface Answer {
  statusCode: number;
  headers: Readonly<Record<string, string | string[] | undefined>>;
}

/**
 * Says in words what broke a connection.
 *
 * @param proxy  through which it went, as host:port
 */
export function connectionError(error: unknown, url: URL, proxy?: string): TransferError {
  if (error instanceof TransferError) return error;
  const server = url.port !== "" ? url.host : `${url.host}:${url.protocol === "https:" ? 443 : 80}`;
  const host = proxy === undefined ? server : `${server} through the proxy ${proxy}`;
  const { text, retryable } = refusedTunnel(error, host) ?? explain(error, url, host);
  return new TransferError(text, { retryable, cause: error });
}

/** A proxy that does not connect to an https server. */
function refusedTunnel(error: unknown, host: string): { text: string; retryable: boolean } | undefined {
  const [, status] = /^Proxy response \((\d+)\)/.exec(error instanceof Error ? error.message : "") ?? [];
  if (status === undefined) return undefined;
  const text = `no connection to ${host}: it answers ${status} ${STATUS_CODES[Number(status)] ?? ""}`.trimEnd();
  return { text, retryable: RETRYABLE_STATUSES.has(Number(status)) };
}

function explain(error: unknown, url: URL, host: string): { text: string; retryable: boolean } {
  switch (errorCode(error)) {
    case "ECONNREFUSED":
      return { text: `server gone: connection refused by ${host}`, retryable: true };
    case "ECONNRESET":
    case "EPIPE":
    case "UND_ERR_SOCKET":
      return { text: `server gone: connection reset by ${host}`, retryable: true };
    case "UND_ERR_CONNECT_TIMEOUT":
    case "ETIMEDOUT":
      return { text: `server gone: no connection to ${host} in time`, retryable: true };
    case "EHOSTUNREACH":
    case "ENETUNREACH":
      return { text: `server gone: no route to ${host}`, retryable: true };
    case "UND_ERR_HEADERS_TIMEOUT":
    case "UND_ERR_BODY_TIMEOUT":
      return { text: `server stalled: nothing came from ${host} in time`, retryable: true };
    case "ENOTFOUND":
      return { text: `no such host: ${url.hostname}`, retryable: false };
    case "EAI_AGAIN":
      return { text: `no such host: ${url.hostname} (the name server did not answer)`, retryable: true };
    default: {
      const message = error instanceof Error ? error.message : String(error);
      return { text: `${message} (${printableUrl(url)})`, retryable: false };
    }
  }
}

/** A connection that is tried at several addresses fails with an error that holds one for each. */
function errorCode(error: unknown): string | undefined {
  if (error instanceof AggregateError && error.errors.length > 0) return errorCode(error.errors[0]);
  return error instanceof Error ? (error as NodeJS.ErrnoException).code : undefined;
}

/** An address without what may be secret in it: user, password and query. */
export function printableUrl(url: URL): string {
  return `${url.protocol}//${url.host}${url.pathname}${url.search ? "?…" : ""}`;
}

/** Bytes for people: 64 MiB. */
export function printableBytes(bytes: number): string {
  if (bytes < 1024) return `${bytes} bytes`;
  const unit = bytes < 1024 ** 2 ? 1 : bytes < 1024 ** 3 ? 2 : 3;
  return `${Number((bytes / 1024 ** unit).toPrecision(3))} ${["KiB", "MiB", "GiB"][unit - 1]}`;
}
