import { type MasterScheme, masked } from "../mesos/detect/masterSpec.js";
import { defaulted, optional, repeated, required } from "./options.js";
import {
  collectorUrl,
  durationBetween,
  filled,
  jwksLocation,
  listenAddress,
  milliseconds,
  oneOf,
  sizeBetween,
  wholeNumber,
} from "./values.js";

const LOG_LEVELS = ["debug", "info", "warn", "error"] as const;
const LOG_FORMATS = ["auto", "pretty", "json"] as const;
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
      "with TLS zks://..., or file:///path of a file that holds one of these",
    shown: masked,
    read: (spec) => spec,
  }),
  masterScheme: defaulted({
    value: "scheme",
    help: "http or https, for masters whose address does not name one: host:port, zk:// and zks://",
    default: "http",
    read: oneOf(SCHEMES),
  }),
  listen: repeated({
    value: "address",
    help: "where to serve gRPC: host:port, where port 0 picks a free port, or unix:/path; may be given several times",
    default: "127.0.0.1:50051",
    read: listenAddress,
  }),
  insecure: {
    help: "allow --listen on an address that other machines can reach without TLS and authentication: anyone who reaches it controls every framework",
  },
  http: optional({
    value: "address",
    help: "where to serve /livez, /readyz and /metrics over HTTP: host:port on loopback, or unix:/path; elsewhere it needs --insecure, and no authentication of clients",
    read: listenAddress,
  }),
  metricsFrameworks: defaulted({
    value: "number",
    help: "how many frameworks, the first by name, have series of their own in /metrics, with their names; needs --http",
    default: "0",
    read: wholeNumber(0, 1_000),
  }),
  traces: optional({
    value: "url",
    help: "where to send OpenTelemetry traces, as OTLP over HTTP, such as http://127.0.0.1:4318/v1/traces; a call is traced if its traceparent says so",
    // A query may hold a key. It is refused, and what is refused is shown too.
    shown: (text) => masked(text).replace(/\?.*/, "?***"),
    read: collectorUrl,
  }),
  tracesPercent: defaulted({
    value: "number",
    help: "how many of 100 calls that bring no traceparent begin a trace; needs --traces",
    default: "0",
    read: wholeNumber(0, 100),
  }),
  tlsCert: optional({
    value: "file",
    help: "PEM certificate for TLS 1.2 and later on every --listen but unix sockets, and its chain; needs --tls-key; read again when it changes",
    read: text,
  }),
  tlsKey: optional({
    value: "file",
    help: "PEM private key of --tls-cert, without a password; read again when it changes",
    read: text,
  }),
  tlsClientCa: optional({
    value: "file",
    help: "PEM certificates of the authorities of clients' certificates: clients are authenticated; read again when it changes",
    read: text,
  }),
  clientTokens: optional({
    value: "file",
    help: "clients that send one of these tokens are authenticated: lines of 'NAME SHA256', made by mesos-bridge token new; read again when it changes",
    read: text,
  }),
  jwks: optional({
    value: "file|url",
    help: "clients that send a JWT signed by one of these keys are authenticated: a JSON Web Key Set; a file is read again when it changes, a URL every 20 s; needs --jwt-issuer and --jwt-audience",
    read: jwksLocation,
  }),
  jwtIssuer: optional({ value: "text", help: "the claim 'iss' that a JWT must have", read: text }),
  jwtAudience: optional({ value: "text", help: "the claim 'aud' that a JWT must have", read: text }),
  permissions: optional({
    value: "file",
    help: "TOML file with the rules of what authenticated clients may do; read again when it changes; needed with authentication",
    read: text,
  }),
  auditLog: optional({
    value: "file",
    help: "where to append a JSON line for each attach, refusal, teardown, close, import and change of permissions; - for the log on stderr",
    read: text,
  }),
  dataDir: required({
    value: "dir",
    help: "where the bridge stores its frameworks; created if missing",
    read: filled("name a directory"),
  }),
  waitForDataDir: defaulted({
    value: "duration",
    help: "how long to wait for another bridge to leave the data directory and the port, for supervisors that start the new one first",
    default: "0s",
    read: durationBetween("0s", "24h"),
  }),
  principal: optional({
    value: "name",
    help: "authenticate to Mesos with HTTP basic authentication; needs --secret-file",
    read: text,
  }),
  secretFile: optional({
    value: "file",
    help: "file with the principal's secret; read again when it changes",
    read: text,
  }),
  tokenFile: optional({
    value: "file",
    // MESOS_BRIDGE_TOKEN_FILE is what the bridge's clients use: that token is not for Mesos.
    variable: "MESOS_BRIDGE_MASTER_TOKEN_FILE",
    help: "authenticate to Mesos with the bearer token in this file; read again when it changes",
    read: text,
  }),
  frameworkPrincipals: optional({
    value: "file",
    help: "TOML file of rules: as which principal the frameworks of which names authenticate to Mesos; others as the bridge; read again when it changes",
    read: text,
  }),
  masterCa: optional({
    value: "file",
    help: "PEM certificates to trust for https masters, instead of Node's; read again when it changes",
    read: text,
  }),
  masterCert: optional({
    value: "file",
    help: "PEM client certificate for https masters that want one; needs --master-key; read again when it changes",
    read: text,
  }),
  masterKey: optional({
    value: "file",
    help: "PEM private key of --master-cert",
    read: text,
  }),
  zkCa: optional({
    value: "file",
    help: "PEM certificates to trust for zks://, instead of Node's; read again when it changes",
    read: text,
  }),
  zkCert: optional({
    value: "file",
    help: "PEM client certificate for zks://; needs --zk-key; read again when it changes",
    read: text,
  }),
  zkKey: optional({
    value: "file",
    help: "PEM private key of --zk-cert",
    read: text,
  }),
  admission: optional({
    value: "file",
    help: "rules in CEL that tasks must satisfy to be launched, in TOML; read again when it changes (docs/admission.md)",
    read: text,
  }),
  defaultLease: defaulted({
    value: "duration",
    help: "how long a session outlives a client that does not ask for a lease",
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
    help: "how long a client may be silent, at the level of HTTP/2, before the bridge considers it gone",
    default: "50s",
    read: durationBetween("100ms", "24h"),
  }),
  maxStreamAge: optional({
    value: "duration",
    help: "how old the streams of authenticated clients become: then they end, and the clients attach again with credentials that count by then; without it streams outlive their credentials",
    read: durationBetween("1s", "480h"),
  }),
  missedHeartbeats: defaulted({
    value: "number",
    help: "how many heartbeats (Mesos sends one every 15 s) a master may miss before the bridge gives it up",
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
    help: "how long SIGTERM waits for the answers to calls in progress before their outcome is reported as unknown",
    default: "10s",
    read: durationBetween("0s", "10m"),
  }),
  maxFrameworks: defaulted({
    value: "number",
    help: "open frameworks; new names beyond this number are refused",
    default: "5000",
    read: limit,
  }),
  maxConnections: defaulted({
    value: "number",
    help: "open connections of clients",
    default: "2000",
    read: limit,
  }),
  maxObservers: defaulted({
    value: "number",
    help: "open Watch streams; one connection may have a tenth of them",
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
    help: "how long a request may take to arrive completely, and an answer to be read, before the client loses its stream or connection",
    default: "60s",
    read: oneSecondToOneHour,
  }),
  logLevel: defaulted({
    value: "level",
    help: "debug, info, warn or error",
    default: "info",
    read: oneOf(LOG_LEVELS),
  }),
  logFormat: defaulted({
    value: "format",
    help: "auto, pretty or json: lines for people, or objects for programs; auto is pretty on a terminal, else json",
    default: "auto",
    read: oneOf(LOG_FORMATS),
  }),
};
