import {
  addAdminServicesToServer,
  type Server,
  type ServerUnaryCall,
  type ServiceDefinition,
  type sendUnaryData,
  type UntypedServiceImplementation,
} from "@grpc/grpc-js";
import type { Log } from "../log.js";
import type { CallersOfCalls } from "./callerOf.js";
import type { RefusalCounts } from "./refusalCounts.js";
import { statusOf } from "./statusOf.js";

type Unary = (call: ServerUnaryCall<unknown, unknown>, callback: sendUnaryData<unknown>) => void;

/** Serves channelz to those that have permission for it: it names the addresses of all clients. */
export function addChannelz(server: Server, callers: CallersOfCalls, log: Log, refusals: RefusalCounts): void {
  // The library adds its service to whatever has this method.
  const adding = {
    addService: (definition: ServiceDefinition, handlers: UntypedServiceImplementation) =>
      server.addService(definition, guarded(handlers, callers, log, refusals)),
  };
  addAdminServicesToServer(adding as Server);
}

/** All of its methods answer one request with one response. */
function guarded(handlers: UntypedServiceImplementation, callers: CallersOfCalls, log: Log, refusals: RefusalCounts) {
  const entries = Object.entries(handlers).map(([name, handler]) => {
    const handle: Unary = (call, callback) => {
      const caller = callers.of(call);
      try {
        caller.countCall();
        caller.expectService("channelz");
      } catch (error) {
        caller.failed(error);
        refusals.count(error);
        return callback(statusOf(error, log));
      }
      (handler as Unary)(call, callback);
    };
    return [name, handle] as const;
  });
  return Object.fromEntries(entries);
}
