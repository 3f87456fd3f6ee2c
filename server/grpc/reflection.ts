import type { Server, ServerDuplexStream, ServiceDefinition } from "@grpc/grpc-js";
import { ServerReflection, ServerReflectionService } from "nice-grpc-server-reflection";

type ReflectionCall = ServerDuplexStream<unknown, unknown>;

/** What the library's implementation asks of its transport: requests in, responses out. */
type ReflectionStream = (requests: AsyncIterable<unknown>, context: object) => AsyncIterable<unknown>;

/**
 * Serves reflection as v1, and as v1alpha for clients that know only that (Python's descriptor database
 * among them). The library serves the descriptors' own bytes, so that Mesos's proto2 files are shown as proto2.
 */
export function addReflection(server: Server, descriptorSet: Uint8Array, serviceNames: readonly string[]): void {
  const implementation: unknown = ServerReflection(descriptorSet, serviceNames);
  const { serverReflectionInfo } = implementation as { serverReflectionInfo: ReflectionStream };
  const definition: unknown = ServerReflectionService;
  const v1 = definition as ServiceDefinition;
  const handlers = {
    serverReflectionInfo: (call: ReflectionCall) => {
      // A plain `for await` would destroy the stream at the end of the requests, before it is answered.
      const requests = call.iterator({ destroyOnReturn: false });
      relay(serverReflectionInfo(requests, {}), call).catch((error: unknown) => call.emit("error", error));
    },
  };
  server.addService(v1, handlers);
  server.addService(v1alphaOf(v1), handlers);
}

/** The same service under its older name: the messages are the same on the wire. */
function v1alphaOf(v1: ServiceDefinition): ServiceDefinition {
  return Object.fromEntries(
    Object.entries(v1).map(([name, method]) => [name, { ...method, path: method.path.replace(".v1.", ".v1alpha.") }]),
  );
}

async function relay(responses: AsyncIterable<unknown>, call: ReflectionCall): Promise<void> {
  for await (const response of responses) call.write(response);
  call.end();
}
