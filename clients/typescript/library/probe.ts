import { connect, isIP, type Socket } from "node:net";
import { connect as connectTls } from "node:tls";
import { errorText } from "../../../wire/errorText.js";
import { PatientTimer } from "../../../wire/patientTimer.js";
import type { TlsOptions } from "./access.js";

/** Servers that speak do so at once. */
const PROBE_MS = 2_000;

/** What HTTP/2 begins with, and empty SETTINGS. */
const PREFACE = Buffer.concat([
  Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
  Buffer.from([0, 0, 0, 4, 0, 0, 0, 0, 0]),
]);

/** What a server does first with a client that speaks HTTP/2 to it. `silent`: it says nothing, or ends. */
export type PlainAnswer = "http2" | "http1" | "tls" | "silent" | "other";

/** Connects to HOST:PORT in plain text, and looks at the first bytes that come. */
export async function probePlain(address: string, signal: AbortSignal): Promise<PlainAnswer> {
  const socket = connect(endpointOf(address));
  const heard = await firstHeard(socket, signal, () => socket.write(PREFACE));
  if (heard.kind !== "bytes") return "silent";
  const { bytes } = heard;
  // To a version that it does not know a web server may answer in that of 1991, which has no head.
  if (/^(HTTP\/|<)/.test(bytes.toString("latin1"))) return "http1";
  if ((bytes[0] === 0x15 || bytes[0] === 0x16) && bytes[1] === 3) return "tls";
  return bytes.length >= 4 && bytes[3] === 4 ? "http2" : "other";
}

/** Whether a server answers a TLS handshake, whatever it demands. */
export async function speaksTls(address: string, signal: AbortSignal): Promise<boolean> {
  const socket = connectTls({ ...endpointOf(address), rejectUnauthorized: false, ALPNProtocols: ["h2"] });
  let secure = false;
  socket.on("secureConnect", () => {
    secure = true;
    socket.destroy();
  });
  const heard = await firstHeard(socket, signal);
  return secure || (heard.kind === "ended" && /\balert\b/.test(heard.error));
}

/** How a server ended a TLS connection: with that error, if any; `secure` if it was after the handshake. */
export interface TlsEnd {
  error: string;
  secure: boolean;
}

/** Connects with TLS as the channel does. Gives undefined if the server lets the connection stand. */
export async function probeTls(address: string, tls: TlsOptions, signal: AbortSignal): Promise<TlsEnd | undefined> {
  const { ca, cert, key, serverName } = tls;
  const pem = (value: string | Uint8Array | undefined) => (value === undefined ? undefined : Buffer.from(value));
  const endpoint = endpointOf(address);
  const name = serverName ?? (isIP(endpoint.host) === 0 ? endpoint.host : undefined);
  const socket = connectTls({
    ...endpoint,
    ca: pem(ca),
    cert: pem(cert),
    key: pem(key),
    ALPNProtocols: ["h2"],
    ...(name !== undefined && { servername: name }),
  });
  let secure = false;
  socket.on("secureConnect", () => {
    secure = true;
  });
  const heard = await firstHeard(socket, signal);
  return heard.kind === "ended" ? { error: heard.error, secure } : undefined;
}

function endpointOf(address: string): { host: string; port: number } {
  const [, host = "", port = ""] = /^\[?(.*?)\]?:(\d+)$/.exec(address) ?? [];
  return { host, port: Number(port) };
}

/** What comes first from a server: bytes, the end, or nothing in time. */
type Heard = { kind: "bytes"; bytes: Buffer } | { kind: "ended"; error: string } | { kind: "nothing" };

async function firstHeard(socket: Socket, signal: AbortSignal, onConnect?: () => void): Promise<Heard> {
  let timer: PatientTimer | undefined;
  let abort = () => {};
  try {
    return await new Promise<Heard>((resolve) => {
      abort = () => resolve({ kind: "nothing" });
      timer = new PatientTimer(abort);
      timer.start(PROBE_MS);
      signal.addEventListener("abort", abort);
      if (onConnect !== undefined) socket.once("connect", onConnect);
      socket.once("data", (bytes: Buffer) => resolve({ kind: "bytes", bytes }));
      socket.on("error", (error) => resolve({ kind: "ended", error: errorText(error) }));
      socket.once("close", () => resolve({ kind: "ended", error: "" }));
    });
  } finally {
    timer?.stop();
    signal.removeEventListener("abort", abort);
    socket.destroy();
  }
}
