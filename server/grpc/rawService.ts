import type { MethodDefinition, ServiceDefinition } from "@grpc/grpc-js";

/** What the generated code says of a service. */
interface GeneratedService {
  readonly fullName: string;
  readonly methods: Readonly<
    Record<string, { readonly name: string; readonly requestStream: boolean; readonly responseStream: boolean }>
  >;
}

const same = (bytes: Buffer): Buffer => bytes;

/**
 * A service whose messages stay bytes: requests are read at wire level and events spliced in, so that
 * nothing is decoded and encoded again and no field that is unknown here is lost.
 */
export function rawService(service: GeneratedService): ServiceDefinition {
  const methods = Object.entries(service.methods).map(([key, method]): [string, MethodDefinition<Buffer, Buffer>] => [
    key,
    {
      path: `/${service.fullName}/${method.name}`,
      requestStream: method.requestStream,
      responseStream: method.responseStream,
      requestSerialize: same,
      requestDeserialize: same,
      responseSerialize: same,
      responseDeserialize: same,
    },
  ]);
  return Object.fromEntries(methods);
}
