import { readFileSync } from "node:fs";
import { whyUnreadable } from "../files/watchedFiles.js";

/** What an editor may know of a value, as JSON Schema has it. */
export type ValueSchema =
  | {
      readonly type: "string";
      readonly minLength?: number;
      readonly pattern?: string;
      readonly enum?: readonly string[];
    }
  | { readonly type: "integer"; readonly minimum: number; readonly maximum: number };

/** Makes a value of a text. @throws Error that says what to write instead */
export interface Reader<T> {
  (text: string): T;
  /** Default: any text. */
  readonly schema?: ValueSchema;
}

const withSchema = <T>(schema: ValueSchema, read: (text: string) => T): Reader<T> => Object.assign(read, { schema });

/** A text that is not empty. */
export function filled(otherwise: string): Reader<string> {
  return withSchema({ type: "string", minLength: 1 }, (text) => {
    if (text === "") throw new Error(otherwise);
    return text;
  });
}

export function oneOf<T extends string>(values: readonly T[]): Reader<T> {
  return withSchema({ type: "string", enum: values }, (text) => {
    const value = values.find((known) => known === text);
    if (value === undefined) throw new Error(`use ${values.slice(0, -1).join(", ")} or ${values.at(-1)}`);
    return value;
  });
}

const UNITS: Record<string, number> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 };

/** A duration such as `500ms`, `60s`, `5m` or `24h`, in ms. */
export function milliseconds(text: string): number {
  const [, digits, unit] = /^(\d+(?:\.\d+)?)(ms|s|m|h)$/.exec(text) ?? [];
  const factor = UNITS[unit ?? ""];
  if (digits !== undefined && factor !== undefined) return Number(digits) * factor;
  throw new Error(`'${text}' is not a duration: use 500ms, 60s, 5m or 24h`);
}
milliseconds.schema = { type: "string", pattern: "^\\d+(\\.\\d+)?(ms|s|m|h)$" } as const;

/** A duration from `least` to `most`, both as they are typed; in ms. */
export function durationBetween(least: string, most: string): Reader<number> {
  const [leastMs, mostMs] = [milliseconds(least), milliseconds(most)];
  return withSchema(milliseconds.schema, (text) => {
    const ms = milliseconds(text);
    if (ms < leastMs || ms > mostMs) throw new Error(`use ${least} to ${most}`);
    return ms;
  });
}

/** A whole number from `least` to `most`. @param why the reason for `least` */
export function wholeNumber(least: number, most: number, why = ""): Reader<number> {
  return withSchema({ type: "integer", minimum: least, maximum: most }, (text) => {
    const value = Number(text);
    if (/^(0|[1-9]\d{0,14})$/.test(text) && value >= least && value <= most) return value;
    throw new Error(`use a number from ${least} to ${most}${why === "" ? "" : `: ${why}`}`);
  });
}

const SIZE_UNITS: Record<string, number> = { KiB: 1024, MiB: 1024 * 1024 };

function bytesOf(text: string): number {
  const [, digits, unit] = /^(\d{1,6})(KiB|MiB)$/.exec(text) ?? [];
  return Number(digits) * (SIZE_UNITS[unit ?? ""] ?? Number.NaN);
}

/** A size from `least` to `most`, both as they are typed; in bytes. */
export function sizeBetween(least: string, most: string): Reader<number> {
  return withSchema({ type: "string", pattern: "^\\d{1,6}(KiB|MiB)$" }, (text) => {
    const bytes = bytesOf(text);
    if (bytes >= bytesOf(least) && bytes <= bytesOf(most)) return bytes;
    throw new Error(`use ${least} to ${most}, such as 16MiB`);
  });
}

/** What the kernel takes, without the byte that ends it. */
const MAX_SOCKET_PATH_BYTES = process.platform === "linux" ? 107 : 103;

/** `host:port` or `unix:/path`; `unix:///path`, as gRPC has it too, is read as the latter. */
export function listenAddress(text: string): string {
  if (text.startsWith("unix:")) return socketAddress(text.replace(/^unix:\/\/(?=\/)/, "unix:"));
  const [, port] = /^(?:[^:\s]+|\[[0-9a-fA-F:.]+\]):(\d{1,5})$/.exec(text) ?? [];
  if (port !== undefined && Number(port) <= 65_535) return text;
  throw new Error("use host:port, such as 127.0.0.1:50051, or unix:/path; port 0 picks a free port");
}
listenAddress.schema = { type: "string", pattern: "^(unix:/.+|.+:\\d{1,5})$" } as const;

function socketAddress(text: string): string {
  const path = text.slice("unix:".length);
  if (!/^\/(?!\/).*[^/]$/s.test(path) || /[\0\r\n]/.test(path)) {
    throw new Error("use unix:/path with the whole path of a file, such as unix:/run/mesos-bridge/grpc.sock");
  }
  const bytes = Buffer.byteLength(path);
  if (bytes <= MAX_SOCKET_PATH_BYTES) return text;
  throw new Error(
    `the path of a unix socket may have ${MAX_SOCKET_PATH_BYTES} bytes, and this one has ${bytes}: use a shorter one`,
  );
}

/** The content of a file. @throws Error that names the file */
export function readText(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    throw new Error(`${path} can't be read: ${whyUnreadable(error)}`);
  }
}

const THIS_MACHINE = /^(localhost|127(\.\d{1,3}){3}|\[::1\])$/;

/** The URL of a collector of traces; without a path it gets OTLP's. @throws Error that says what to type instead */
export function collectorUrl(text: string): string {
  if (!URL.canParse(text)) throw new Error("is not a URL: use one such as http://127.0.0.1:4318/v1/traces");
  const { protocol, username, password, search, pathname } = new URL(text);
  if (username !== "" || password !== "" || search !== "") {
    throw new Error("credentials in a URL would be in the log: leave user, password and query out");
  }
  if (protocol !== "http:" && protocol !== "https:") throw new Error("use http:// or https://");
  return pathname === "/" ? new URL("/v1/traces", text).href : text;
}
collectorUrl.schema = { type: "string", pattern: "^https?://[^?@]+$" } as const;

/** A file, or a URL that nobody on the way can change. */
export function jwksLocation(text: string): string {
  if (text === "") throw new Error("must not be empty");
  if (!/^[a-z][a-z0-9+.-]*:\/\//i.test(text)) return text;
  if (!URL.canParse(text)) throw new Error("is not a URL");
  const { protocol, hostname, username, password } = new URL(text);
  if (username !== "" || password !== "") throw new Error("a URL with a password would be in the log: leave it out");
  if (protocol === "https:" || (protocol === "http:" && THIS_MACHINE.test(hostname))) return text;
  throw new Error("use https://: whoever can change the keys on the way can make tokens; http:// is for loopback only");
}
