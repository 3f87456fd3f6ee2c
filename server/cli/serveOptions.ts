import type { MasterScheme } from "../mesos/detect/masterSpec.js";
import { defaulted, optional, required } from "./options.js";
import { durationBetween, filled, hostAndPort, milliseconds, oneOf, sizeBetween, wholeNumber } from "./values.js";

const LOG_LEVELS = ["debug", "info", "warn", "error"] as const;
const SCHEMES: readonly MasterScheme[] = ["http", "https"];

const text = filled("must not be empty");
const oneSecondToOneHour = durationBetween("1s", "1h");
const limit = wholeNumber(1, 999_999);

/** What `mesos-bridge serve` can be told. Durations are read in ms, sizes in bytes. */
export const SERVE_OPTIONS = {
  master: required({
    value: "spec",
    help:
      "the masters: host:port[,host:port...], http(s)://host:port, zk://[user:password@]host:port[,host:port...]/path, " +
      "or file:///path of a file that holds one of these",
    read: (spec) => spec,
  }),
  masterScheme: defaulted({
    value: "scheme",
    help: "http or https, of masters whose address names none: host:port, and zk://",
    default: "http",
    read: oneOf(SCHEMES),
  }),
  listen: defaulted({
    value: "host:port",
    help: "where to serve gRPC; port 0 takes any",
    default: "127.0.0.1:50051",
    read: hostAndPort,
  }),
  insecure: {
    help: "let --listen be an address that other machines reach: clients are not authenticated, so whoever reaches it controls every framework",
  },
  dataDir: required({
    value: "dir",
    help: "where frameworks are remembered; made if it is missing",
    read: filled("name a directory"),
  }),
  waitForDataDir: defaulted({
    value: "duration",
    help: "how long to wait for another bridge to leave the data directory and the port, as when a supervisor starts the new one first",
    default: "0s",
    read: durationBetween("0s", "24h"),
  }),
  principal: optional({
    value: "name",
    help: "authenticate to Mesos by HTTP basic authentication, with --secret-file",
    read: text,
  }),
  secretFile: optional({
    value: "file",
    help: "holds the principal's secret; read again when it changes",
    read: text,
  }),
  tokenFile: optional({
    value: "file",
    help: "authenticate to Mesos by the bearer token in this file; read again when it changes",
    read: text,
  }),
  masterCa: optional({ value: "file", help: "PEM certificates to trust for https masters", read: text }),
  defaultLease: defaulted({
    value: "duration",
    help: "how long a session outlives its client that asks for no lease",
    default: "60s",
    read: milliseconds,
  }),
  offerHold: defaulted({
    value: "duration",
    help: "how long open offers are kept for an absent client",
    default: "5s",
    read: milliseconds,
  }),
  clientTimeout: defaulted({
    value: "duration",
    help: "how long a client may be silent, on the level of HTTP/2, before it is taken for gone",
    default: "50s",
    read: durationBetween("100ms", "24h"),
  }),
  missedHeartbeats: defaulted({
    value: "number",
    help: "after how many missed heartbeats (Mesos sends one each 15 s) a silent master is given up",
    default: "5",
    read: wholeNumber(2, 100, "a single heartbeat may be late"),
  }),
  callTimeout: defaulted({
    value: "duration",
    help: "how long Mesos may take to answer a call before its outcome is reported as unknown",
    default: "30s",
    read: oneSecondToOneHour,
  }),
  drainTimeout: defaulted({
    value: "duration",
    help: "how long SIGTERM waits for the answers to calls under way before their outcome is reported as unknown",
    default: "10s",
    read: durationBetween("0s", "10m"),
  }),
  maxFrameworks: defaulted({
    value: "number",
    help: "frameworks at a time; new names beyond it are refused",
    default: "5000",
    read: limit,
  }),
  maxConnections: defaulted({
    value: "number",
    help: "connections of clients at a time",
    default: "2000",
    read: limit,
  }),
  maxObservers: defaulted({
    value: "number",
    help: "Watch streams at a time; one connection may have a tenth of them",
    default: "1000",
    read: limit,
  }),
  maxRequestSize: defaulted({
    value: "size",
    help: "the largest request that a client may send, such as 512KiB or 16MiB",
    default: "16MiB",
    read: sizeBetween("64KiB", "256MiB"),
  }),
  requestTimeout: defaulted({
    value: "duration",
    help: "how long a request may take to arrive whole, and an answer to be taken, before the client loses its stream or connection",
    default: "60s",
    read: oneSecondToOneHour,
  }),
  logLevel: defaulted({
    value: "level",
    help: "debug, info, warn or error",
    default: "info",
    read: oneOf(LOG_LEVELS),
  }),
};
