import { isIPv6 } from "node:net";
import { z } from "zod";

const port = z.int().min(1).max(65_535);
const schema = z.looseObject({
  address: z
    .looseObject({ hostname: z.string().optional(), ip: z.string().optional(), port: port.optional() })
    .optional(),
  hostname: z.string().optional(),
  /** An IPv4 address as it lies in memory, read as a little-endian number. */
  ip: z.int().min(0).max(0xffff_ffff).optional(),
  port: port.optional(),
  /** As `master@127.0.0.1:5050`. */
  pid: z.string().optional(),
});

type MasterInfo = z.output<typeof schema>;

const DEFAULT_PORT = 5050;

/**
 * Where a master is, by the `mesos.MasterInfo` in JSON that it writes into ZooKeeper. The IP address comes before the
 * name, which may not resolve here; with https the name comes first, because certificates are for names.
 *
 * @throws Error that says what is wrong with it.
 */
export function masterUrl(data: Buffer, scheme: "http" | "https"): URL {
  const info = parse(data);
  const ips = [info.address?.ip, ipText(info.ip), info.pid && /@(.+):\d+$/.exec(info.pid)?.[1]];
  const names = [info.address?.hostname, info.hostname];
  const candidates = scheme === "https" ? [...names, ...ips] : [...ips, ...names];
  const host = candidates.find((candidate) => candidate !== undefined && usable(candidate));
  if (host === undefined) throw new Error("it names no address");
  const text = `${scheme}://${isIPv6(host) ? `[${host}]` : host}:${info.address?.port ?? info.port ?? DEFAULT_PORT}`;
  if (!URL.canParse(text)) throw new Error("its address can't be read");
  return new URL(text);
}

function parse(data: Buffer): MasterInfo {
  let json: unknown;
  try {
    json = JSON.parse(data.toString("utf8"));
  } catch {
    throw new Error(data.length === 0 ? "it is empty" : "it is not JSON");
  }
  const result = schema.safeParse(json);
  if (result.success) return result.data;
  const path = result.error.issues[0]?.path.join(".") ?? "";
  throw new Error(path === "" ? "it is not a MasterInfo" : `its field ${path} is not as Mesos writes it`);
}

function ipText(ip: number | undefined): string | undefined {
  if (ip === undefined) return undefined;
  const bytes = Buffer.allocUnsafe(4);
  bytes.writeUInt32LE(ip);
  return bytes.join(".");
}

/** An address that others can connect to. A name is one that can't change the rest of a URL. */
function usable(host: string): boolean {
  return host !== "0.0.0.0" && host !== "::" && (isIPv6(host) || /^[\w.-]+$/.test(host));
}
