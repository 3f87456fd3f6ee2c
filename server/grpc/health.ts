import type { Server, ServerWritableStream, ServiceDefinition, UntypedServiceImplementation } from "@grpc/grpc-js";
import type { HealthImplementation } from "grpc-health-check";
import type { Log } from "../log.js";
import type { CallersOfCalls } from "./callerOf.js";
import { statusOf } from "./statusOf.js";

type Watch = (call: ServerWritableStream<unknown, unknown>) => void;

/** Serves health. Its streams are open to all, and end with the credentials of a connection that has some. */
export function addHealth(server: Server, health: HealthImplementation, callers: CallersOfCalls, log: Log): void {
  // The library adds its service to whatever has this method.
  const adding = {
    addService: (definition: ServiceDefinition, handlers: UntypedServiceImplementation) =>
      server.addService(definition, { ...handlers, watch: limited(handlers.watch as Watch, callers, log) }),
  };
  health.addToServer(adding as Server);
}

function limited(watch: Watch, callers: CallersOfCalls, log: Log): Watch {
  return (call) => {
    const unlimit = callers.limitAge(call, (error) => call.emit("error", statusOf(error, log)));
    // At the end of every call, also of one that ended in order.
    call.on("cancelled", unlimit);
    watch(call);
  };
}
