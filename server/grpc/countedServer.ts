import { Server, type ServerOptions, type ServiceDefinition, type UntypedServiceImplementation } from "@grpc/grpc-js";
import type { CallCounts } from "./callCounts.js";

/** A server that says which methods it serves, those of libraries included. */
export class CountedServer extends Server {
  readonly #counts: CallCounts;

  constructor(options: ServerOptions, counts: CallCounts) {
    super(options);
    this.#counts = counts;
  }

  override addService(service: ServiceDefinition, implementation: UntypedServiceImplementation): void {
    super.addService(service, implementation);
    for (const { path, requestStream, responseStream } of Object.values(service)) {
      this.#counts.register(path, !requestStream && !responseStream);
    }
  }
}
