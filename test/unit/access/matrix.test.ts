import { readFileSync } from "node:fs";
import { createFileRegistry, type DescMethod, fromBinary } from "@bufbuild/protobuf";
import { FileDescriptorSetSchema } from "@bufbuild/protobuf/wkt";
import { beforeAll, describe, expect, test } from "vitest";
import { FrameworkInfo } from "../../../gen/mesos/v1/mesos.js";
import { CallsResponse, KillTaskRequest, SubscribeRequest } from "../../../gen/mesosbridge/v1/scheduler.js";
import { lengthDelimited, stringField } from "../../../wire/proto.js";
import { cleanupAfterAll } from "../../support/cleanup.js";
import { at } from "../../support/paths.js";
import { type Ended, PermittedBridge } from "../../support/permittedBridge.js";
import { attachRequest } from "../session/samples.js";

const VERBS = ["attach", "call", "observe", "operate", "import"];
const SERVICES = ["reflection", "channelz"];
/** Each may do one thing, but for some of them. */
const IDENTITIES = [...VERBS, ...SERVICES, "everything", "everywhere", "nothing"];
/** Those of `own-*` are in the rules; those that end in 1 exist. */
const FRAMEWORKS = ["own-1", "own-2", "other-1", "other-2"];

interface Method {
  readonly service: string;
  readonly name: string;
  readonly path: string;
  readonly kind: DescMethod["methodKind"];
  readonly verb: string;
}

/** Methods of a framework, which name it in a header or in a field of their own. */
const SCHEDULER = "mesosbridge.v1.SchedulerService";
const OBSERVER = "mesosbridge.v1.ObserverService";
const ADMIN = "mesosbridge.v1.AdminService";
/** Methods of services whose requests name a framework in field 1, but that have no name to give. */
const NAMELESS = ["ListFrameworks", "SetLogLevel"];
/** What concerns all frameworks needs a rule for all. */
const GLOBAL = ["SetLogLevel"];

/** The table of docs/permissions.md: the verb of each method, by "Service/Method". */
function declaredVerbs(): ReadonlyMap<string, string> {
  const page = readFileSync(at("docs/permissions.md"), "utf8");
  const rows = page.matchAll(/^\| `(\w+\/[\w*]+)` +\| `?(\w+)`? +\|/gm);
  return new Map([...rows].map(([, method = "", verb = ""]) => [method, verb]));
}

/** Every method of every service that the bridge describes, and reflection itself. */
function methods(): Method[] {
  const verbs = declaredVerbs();
  const registry = createFileRegistry(fromBinary(FileDescriptorSetSchema, readFileSync(at("gen/descriptors.binpb"))));
  const described = [...registry].flatMap((type) => (type.kind === "service" ? type.methods : []));
  const all = described.map(({ parent, name, methodKind }) => ({ service: parent.typeName, name, kind: methodKind }));
  for (const version of ["v1", "v1alpha"]) {
    const service = `grpc.reflection.${version}.ServerReflection`;
    all.push({ service, name: "ServerReflectionInfo", kind: "bidi_streaming" });
  }
  return all.map(({ service, name, kind }) => {
    const short = service.replace(/.*\./, "");
    const verb = verbs.get(`${short}/${name}`) ?? verbs.get(`${short}/*`);
    if (verb === undefined) throw new Error(`${short}/${name} has no row in the table of docs/permissions.md`);
    return { service, name, kind, path: `/${service}/${name}`, verb };
  });
}

const rule = (name: string, allowed: readonly string[], frameworks = "own-*") => `
[[rule]]
identities = ["unix:*/${name}"]
allow = ${JSON.stringify(allowed)}
frameworks = ["${frameworks}"]
roles = ["*"]
users = ["*"]
`;
const PERMISSIONS = [
  ...[...VERBS, ...SERVICES].map((allowed) => rule(allowed, [allowed])),
  rule("everything", [...VERBS, ...SERVICES]),
  rule("everywhere", [...VERBS, ...SERVICES], "*"),
].join("");

const info = FrameworkInfo.encode(FrameworkInfo.fromPartial({ user: "root", name: "f" })).finish();

/** A request that is right as far as permissions are concerned. */
function requestFor({ service, name }: Method, frameworkName: string): Uint8Array {
  if (service === OBSERVER || service === ADMIN) {
    return NAMELESS.includes(name) ? Buffer.alloc(0) : stringField(1, frameworkName);
  }
  if (service !== SCHEDULER) return Buffer.alloc(0);
  if (name === "Subscribe") {
    const request = SubscribeRequest.fromPartial({ frameworkName, frameworkInfo: FrameworkInfo.decode(info) });
    return SubscribeRequest.encode(request).finish();
  }
  const header = { frameworkName, attachmentId: "none" };
  return KillTaskRequest.encode(KillTaskRequest.fromPartial({ header })).finish();
}

const cleanup = cleanupAfterAll();
const all = methods();
let bridge: PermittedBridge;

beforeAll(async () => {
  bridge = await PermittedBridge.start(cleanup, IDENTITIES, PERMISSIONS);
  const sink = { wake: () => {}, end: () => {} };
  for (const name of ["own-1", "other-1"]) await bridge.sessions.attach(attachRequest(name), sink);
});

async function outcome(identity: string, method: Method, frameworkName: string): Promise<Ended> {
  const request = requestFor(method, frameworkName);
  if (method.kind === "unary") return bridge.call(identity, method.path, request);
  const stream = bridge.stream(identity, method.path, request, method.name === "Calls");
  if (method.name !== "Calls") return stream.firstOrEnd();
  const first = stream.messages.next({ what: "an answer" }).then((message): Ended => {
    const [result] = CallsResponse.decode(message).results;
    const code = result?.code === 7 ? "PERMISSION_DENIED" : "OK";
    return { code, message: result?.message ?? "", reason: result?.reason ?? "", retryable: false, metadata: {} };
  });
  first.catch(() => {});
  const ended = await Promise.race([first, stream.ended.next({ what: "the end" })]);
  stream.cancel();
  return ended;
}

function isAllowed(identity: string, { verb, service, name }: Method, frameworkName: string): boolean {
  if (verb === "open" || identity === "everywhere") return true;
  if (GLOBAL.includes(name)) return false;
  if (identity !== verb && identity !== "everything") return false;
  const watches = service === OBSERVER || service === ADMIN;
  const named = service === SCHEDULER || (watches && !NAMELESS.includes(name) && frameworkName !== "");
  return !named || frameworkName.startsWith("own-");
}

describe("the table of methods in docs/permissions.md", () => {
  test("has a verb for each, which exists, and no other methods", () => {
    expect(new Set(all.map(({ verb }) => verb))).toEqual(
      new Set(["attach", "call", "observe", "operate", "open", ...SERVICES]),
    );
    const names = all.map(({ service, name }) => `${service.replace(/.*\./, "")}/${name}`);
    const rows = [...declaredVerbs().keys()].filter((row) => !row.endsWith("/*"));
    expect(rows.filter((row) => !names.includes(row))).toEqual([]);
    expect(all.length).toBeGreaterThan(30);
  });
});

describe.each(all.map((method) => [method.path, method] as const))("%s", (_path, method) => {
  test("is allowed and refused as the table says, to each identity on each framework", async () => {
    const frameworks = method.service === SCHEDULER ? FRAMEWORKS : [...FRAMEWORKS, ""];
    const wrong: string[] = [];
    for (const identity of IDENTITIES) {
      for (const frameworkName of frameworks) {
        const { code, reason } = await outcome(identity, method, frameworkName);
        const expected = isAllowed(identity, method, frameworkName);
        const refused = code === "PERMISSION_DENIED";
        if (refused && reason !== "PERMISSION_DENIED") wrong.push(`${identity} ${frameworkName}: reason ${reason}`);
        if (refused === expected) wrong.push(`${identity} on '${frameworkName}': ${code}`);
      }
    }
    expect(wrong).toEqual([]);
  });

  test("is refused with the same words whether the framework exists or not", async () => {
    const [exists, not] = await Promise.all(["other-1", "other-2"].map((name) => outcome("everything", method, name)));
    expect(exists?.message.replaceAll("other-1", "X")).toBe(not?.message.replaceAll("other-2", "X"));
    expect(exists?.code).toBe(not?.code);
  });
});

test("a request for the log's level that names a framework is not judged by that", async () => {
  const named = Buffer.concat([stringField(1, "own-1"), stringField(2, "own-1")]);
  const { code, message } = await bridge.call("everything", `/${ADMIN}/SetLogLevel`, named);
  expect(code).toBe("PERMISSION_DENIED");
  expect(message).toMatch(
    /has no permission to operate all frameworks \(frameworks = \["\*"\]\): ask the bridge's operator/,
  );
});

test("a request without permission gets no word on what else is wrong with it", async () => {
  const broken = Buffer.concat([
    lengthDelimited(1, stringField(1, "other-1")),
    lengthDelimited(2, Buffer.from([0xff])),
  ]);
  for (const name of ["KillTask", "LaunchTasks", "Call", "Acknowledge", "CloseSession"]) {
    expect(await bridge.call("everything", `/${SCHEDULER}/${name}`, broken)).toMatchObject({
      code: "PERMISSION_DENIED",
    });
  }
});
