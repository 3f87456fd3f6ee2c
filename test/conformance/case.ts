import { readdirSync, readFileSync } from "node:fs";
import type { JsonValue } from "@bufbuild/protobuf";
import { at } from "../support/paths.js";

type Json = JsonValue;
type JsonObject = { [key: string]: Json };

/** What a driver is told beside where the bridge is; README.md has the meaning. */
export interface DriverPart extends JsonObject {
  frameworkName: string;
  user: string;
}

/** How the scripted bridge ends a call or a stream. */
export interface Failure {
  code: number;
  message?: string;
  reason?: string;
  domain?: string;
  metadata?: Record<string, string>;
  fields?: { field: string; description: string }[];
  retryDelayMs?: number;
  /** Instead of all of those: the bytes of grpc-status-details-bin, in hexadecimal. */
  details?: string;
}

/** The scripted bridge has two addresses, as if it were two bridges. */
export type ScriptedAddress = "first" | "second";

/** A certificate that the scripted bridge may show: all but `good` have one fault. */
export type ServerCertificate = "good" | "expired" | "wrong-name" | "other-authority";

/** How the scripted bridge listens. */
export interface Listening {
  /** Serves TLS with that certificate. Default: plain text. */
  tls?: ServerCertificate;
  /** Demands a certificate of the authority `{{ca}}` from clients. */
  demandsCertificate?: boolean;
  /** On a Unix socket instead of its two addresses. */
  socket?: true;
}

/** A server that answers and is not a bridge. */
export type StrangerKind = "http" | "https" | "http2" | "grpc" | "greeting";

/** One step of the bridge's side. The first group is for both bridges, then those of the scripted, then of the real one. */
export interface Step {
  /** Cuts all connections. */
  cut?: true;

  /** Waits for a Subscribe, which matches. */
  accept?: Json;
  /** Sends one message with these events, on the newest stream. */
  send?: Json[];
  /** Ends the newest stream: in order, or with an error. */
  end?: true | Failure;
  /** Waits for a call of this method. It is the next one, or the case fails. */
  call?: string;
  /** By which of its addresses the Subscribe, or the call, has to have come. Default: by any. */
  at?: ScriptedAddress;
  /** The token with which the Subscribe, or the call, has to come; null for none. Default: it does not matter. */
  token?: string | null;
  /** What the call has to match. */
  request?: Json;
  /** Waits for these acknowledgements, in this order, in however many calls. */
  acks?: string[];
  /** How the call, or the last of the acknowledging ones, is answered. Default: with an empty message. */
  answer?: "nothing" | { fail: Failure } | { response: Json };

  /** Waits until ListFrameworks says this of the framework. */
  framework?: Json;
  /** Waits until ListTasks has such a task of the framework. */
  task?: Json;
  /** Attaches another client to the framework, and leaves. */
  attachAnother?: true;
  /** Kills the bridge, and starts it again on the same data. */
  restartBridge?: true;
  /** From now on no byte passes between the bridge and the master, and nobody is told. */
  silenceMaster?: true;
  /** Lets the command `{{gate}}` end. */
  openGate?: true;
}

/** An HTTP proxy beside the bridge. In `driver`, `{{proxy}}` is its HOST:PORT. */
export interface PartProxy {
  /** What it answers to CONNECT. Default 200: it connects. */
  status?: number;
  /** Whether the driver's environment names it, in every variable that programs know. Default: none does. */
  inEnvironment?: true;
  /** The requests that have to reach it. None: nothing may connect to it at all. */
  expect: Json[];
}

/** One run of the driver, and what has to come of it. */
export interface Part {
  proxy?: PartProxy;
  /** More of the driver's environment. */
  environment?: Record<string, string>;
  /**
   * The addresses that the driver is told, of the scripted bridge; nobody listens on `absent`, and `remote` is another
   * host. Default: the first.
   */
  bridges?: (ScriptedAddress | "absent" | "remote")[];
  /** How the scripted bridge listens. Default: plain text. */
  listen?: Listening;
  /** What is at the address in place of the scripted bridge. */
  stranger?: StrangerKind;
  /** How the driver is told the bridge's host; the port is the bridge's. Default 127.0.0.1. */
  bridgeHost?: string;
  driver: Omit<DriverPart, "frameworkName" | "user"> & Partial<DriverPart>;
  steps?: Step[];
  expect: {
    /** All events, or with `"..."` between them those that matter. Required unless `failure` is given. */
    events?: Json[];
    calls?: Json[];
    /** Null: the events end in order. Default null. */
    error?: Json;
    /** Instead: the options are refused, with this text. */
    failure?: Json;
  };
}

export interface Case {
  /** Unique; a row of the matrix. */
  name: string;
  /** What goes wrong where it is not so. */
  why: string;
  /** Who plays the bridge: a script at the socket, or the real one, on a Mesos. */
  bridge: "scripted" | "real";
  /** It waits for long and does little meanwhile: it runs beside others. */
  slow?: true;
  /** Of the Mesos under the real bridge. */
  mesos?: { agents?: number; resources?: string; attributes?: Json };
  /** Of `mesos-bridge serve`, where the bridge is the real one. */
  bridgeFlags?: string[];
  /** What stands for {{name}} in each instance. */
  each?: Record<string, Json>[];
  /** Runs of the driver, one after the other. */
  parts: Part[];
}

/** A case for each set of values. */
export interface Instance extends Case {
  file: string;
  /** The values, in words, if there are several sets. */
  values: string;
}

const folder = at("test/conformance/cases");

/** All cases, in the order of their files. */
export function loadCases(): Instance[] {
  const files = readdirSync(folder).filter((name) => name.endsWith(".json"));
  return files.sort().flatMap((file) => {
    const cases = counted(JSON.parse(readFileSync(`${folder}/${file}`, "utf8")) as Json) as unknown as Case[];
    return cases.flatMap((one) => instances(one, file));
  });
}

function instances(one: Case, file: string): Instance[] {
  if (one.each === undefined) return [{ ...one, file, values: "" }];
  return one.each.map((values) => ({
    ...(filled(one as unknown as Json, values) as unknown as Case),
    file,
    values: String(Object.values(values)[0]),
  }));
}

/** Writes out `{"$from": 1, "$to": 3, "item": ...}` in lists: an item for each number, which stands for {{n}}. */
function counted(value: Json): Json {
  if (Array.isArray(value)) return value.flatMap((item) => countedItem(item) ?? [counted(item)]);
  if (value === null || typeof value !== "object") return value;
  return Object.fromEntries(Object.entries(value).map(([key, member]) => [key, counted(member as Json)]));
}

function countedItem(item: Json): Json[] | undefined {
  if (item === null || typeof item !== "object" || Array.isArray(item) || typeof item.$from !== "number")
    return undefined;
  const { $from, $to, item: template = null } = item;
  return Array.from({ length: Number($to) - $from + 1 }, (_, i) => filled(template, { n: $from + i }));
}

/** Puts the values in the place of {{name}}; where that is all of a text, with their type. Others stay. */
export function filled(value: Json, values: Record<string, Json>): Json {
  if (typeof value === "string") {
    const [, whole = ""] = /^\{\{(\w+)\}\}$/.exec(value) ?? [];
    if (whole in values) return values[whole] ?? null;
    return value.replace(/\{\{(\w+)\}\}/g, (text, name: string) => String(values[name] ?? text));
  }
  if (Array.isArray(value)) return value.map((item) => filled(item, values));
  if (value === null || typeof value !== "object") return value;
  return Object.fromEntries(Object.entries(value).map(([key, member]) => [key, filled(member as Json, values)]));
}
