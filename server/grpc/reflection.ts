import type { Server, ServerDuplexStream, ServiceDefinition } from "@grpc/grpc-js";
import { withdrawn } from "../access/permissions/refusals.js";
import type { Log } from "../log.js";
import { refusalOf } from "./admitCall.js";
import type { CallersOfCalls } from "./callerOf.js";
import { rawService } from "./rawService.js";
import type { RefusalCounts } from "./refusalCounts.js";
import { statusOf } from "./statusOf.js";

type ReflectionCall = ServerDuplexStream<Buffer, Buffer>;

/** Answers to serialized requests, in their order. */
type Answer = (requests: AsyncIterable<Buffer>) => AsyncIterable<Buffer>;

/** What the library says of its one method: how its messages are read and written. */
interface LibraryMethod {
  requestDeserialize(bytes: Buffer): unknown;
  responseSerialize(response: unknown): Buffer;
}

const METHOD = { name: "ServerReflectionInfo", requestStream: true, responseStream: true };

/**
 * Serves reflection as v1, and as v1alpha for clients that know only that (Python's descriptor database
 * among them). The library serves the descriptors' own bytes, so that Mesos's proto2 files are shown as proto2.
 *
 * It is loaded when somebody first asks: reading the descriptors takes a third of the time in which the bridge
 * starts, and half of its memory.
 */
export function addReflection(
  server: Server,
  callers: CallersOfCalls,
  log: Log,
  refusals: RefusalCounts,
  descriptorSet: Uint8Array,
  serviceNames: readonly string[],
): void {
  let library: Promise<Answer> | undefined;
  const load = () => {
    library ??= loadLibrary(descriptorSet, serviceNames);
    return library;
  };
  const handlers = {
    serverReflectionInfo: (call: ReflectionCall) => {
      const caller = callers.of(call);
      try {
        caller.countCall();
        caller.expectService("reflection");
      } catch (error) {
        caller.failed(error);
        refusals.count(error);
        call.emit("error", statusOf(error, log));
        return;
      }
      endIfWithdrawn(callers, log, refusals, call);
      const unlimit = callers.limitAge(call, (tooOld) => call.emit("error", statusOf(tooOld, log)));
      call.on("cancelled", unlimit);
      relay(load, call).catch((error: unknown) => call.emit("error", error));
    },
  };
  // The messages of both are the same on the wire.
  for (const version of ["v1", "v1alpha"]) server.addService(definition(version), handlers);
}

/** Ends a stream once its caller may not have it any more. */
function endIfWithdrawn(callers: CallersOfCalls, log: Log, refusals: RefusalCounts, call: ReflectionCall): void {
  const caller = callers.of(call);
  const unfollow = callers.onChanged(() => {
    const problem = refusalOf(() => caller.expectService("reflection"));
    if (!problem) return;
    unfollow();
    caller.failed(withdrawn(problem));
    refusals.count(withdrawn(problem));
    call.emit("error", statusOf(withdrawn(problem), log));
  });
  // At the end of every call, also of one that ended in order.
  call.on("cancelled", unfollow);
}

function definition(version: string): ServiceDefinition {
  const fullName = `grpc.reflection.${version}.ServerReflection`;
  return rawService({ fullName, methods: { serverReflectionInfo: METHOD } });
}

async function loadLibrary(descriptorSet: Uint8Array, serviceNames: readonly string[]): Promise<Answer> {
  const { ServerReflection, ServerReflectionService } = await import("nice-grpc-server-reflection");
  const implementation: unknown = ServerReflection(descriptorSet, serviceNames);
  const { serverReflectionInfo } = implementation as {
    serverReflectionInfo(requests: AsyncIterable<unknown>, context: object): AsyncIterable<unknown>;
  };
  const method = ServerReflectionService.serverReflectionInfo as unknown as LibraryMethod;
  return async function* (requests) {
    const read = mapped(requests, (request) => method.requestDeserialize(request));
    yield* mapped(serverReflectionInfo(read, {}), (response) => method.responseSerialize(response));
  };
}

async function* mapped<T, U>(values: AsyncIterable<T>, change: (value: T) => U): AsyncIterable<U> {
  for await (const value of values) yield change(value);
}

async function relay(load: () => Promise<Answer>, call: ReflectionCall): Promise<void> {
  const answer = await load();
  const gone = new Promise<void>((resolve) => call.once("cancelled", resolve));
  // A plain `for await` would destroy the stream at the end of the requests, before it is answered.
  for await (const response of answer(call.iterator({ destroyOnReturn: false }))) {
    // The next request is read when this answer was taken: an answer is a thousand times the size of its request.
    await Promise.race([new Promise<void>((resolve) => call.write(response, () => resolve())), gone]);
    if (call.cancelled) return;
  }
  call.end();
}
