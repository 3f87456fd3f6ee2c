import type {
  MethodDefinition,
  Server,
  ServerDuplexStream,
  ServerUnaryCall,
  ServerWritableStream,
  ServiceDefinition,
  sendUnaryData,
  UntypedServiceImplementation,
} from "@grpc/grpc-js";
import type { Log } from "../log.js";
import { statusOf } from "./statusOf.js";

/** What the generated code says of a service. */
interface GeneratedService {
  readonly fullName: string;
  readonly methods: Readonly<Record<string, GeneratedMethod>>;
}

interface GeneratedMethod {
  readonly name: string;
  readonly requestStream: boolean;
  readonly responseStream: boolean;
}

/** All that the library asks of a serialized message, which it copies behind the message's head: a Buffer is one. */
export interface Serialized {
  readonly byteLength: number;
  copy(out: Buffer, start: number): void;
}

export type UnaryCall = ServerUnaryCall<Buffer, Buffer>;
export type ServerStreamCall<Message extends Serialized = Serialized> = ServerWritableStream<Buffer, Message>;
export type DuplexCall = ServerDuplexStream<Buffer, Buffer>;

/** Ends a unary call: with an error of any kind, or with its serialized response. */
export type Done = (error: unknown, response?: Buffer) => void;

type Handler<Method extends GeneratedMethod> = Method extends { responseStream: false }
  ? (call: UnaryCall, done: Done) => void
  : Method extends { requestStream: true }
    ? (call: DuplexCall) => void
    : (call: ServerStreamCall) => void | Promise<void>;

/**
 * A class with a method per rpc. An error that a method throws, or that its promise rejects with, ends the call with
 * the status that belongs to it.
 */
export type Handlers<Service extends GeneratedService> = {
  readonly [Name in keyof Service["methods"]]: Handler<Service["methods"][Name]>;
};

/** Hears of the error that a handler ended a call with. */
export type Failed = (call: UnaryCall | DuplexCall, error: unknown) => void;

/**
 * Hears of each unary call that begins, and gives what ends it instead of `done`.
 *
 * @param method such as `mesosbridge.v1.SchedulerService/LaunchTasks`
 */
export type Begins = (call: UnaryCall, method: string, done: Done) => Done;

/** Serves the methods of an object; they stay bound to it. */
export function addRawService<Service extends GeneratedService>(
  server: Server,
  service: Service,
  handlers: Handlers<Service>,
  log: Log,
  failed: Failed = () => {},
  begins: Begins = (_call, _method, done) => done,
): void {
  const guarded = Object.entries(service.methods).map(([name, method]) => {
    const handler: unknown = handlers[name as keyof Service["methods"]];
    const bound = (handler as (...args: unknown[]) => unknown).bind(handlers);
    const path = `${service.fullName}/${method.name}`;
    const begun: Begun = (call, done) => begins(call, path, done);
    return [
      name,
      method.responseStream ? guardedStream(bound, log, failed) : guardedUnary(bound, log, failed, begun),
    ] as const;
  });
  const implementation: UntypedServiceImplementation = Object.fromEntries(guarded);
  server.addService(rawService(service), implementation);
}

/** A call begins: gives what ends it. */
type Begun = (call: UnaryCall, done: Done) => Done;

function guardedUnary(handle: (call: UnaryCall, done: Done) => unknown, log: Log, failed: Failed, begun: Begun) {
  return (call: UnaryCall, callback: sendUnaryData<Buffer>): void => {
    const done = begun(call, (error, response) => {
      if (response === undefined) {
        failed(call, error);
        callback(statusOf(error, log));
      } else callback(null, response);
    });
    try {
      handle(call, done);
    } catch (error) {
      done(error);
    }
  };
}

function guardedStream(handle: (call: DuplexCall) => unknown, log: Log, failed: Failed) {
  return async (call: DuplexCall): Promise<void> => {
    try {
      await handle(call);
    } catch (error) {
      failed(call, error);
      call.emit("error", statusOf(error, log));
    }
  };
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
