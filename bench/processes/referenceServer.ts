/** grpc-js and nothing else: a server stream of prepared buffers, one event in each, written as fast as the client reads. */
import { Metadata, Server, ServerCredentials, type ServerWritableStream } from "@grpc/grpc-js";
import { lengthDelimited, messageField, varintField } from "../../wire/proto.js";
import { onCommand, report } from "./ipc.js";
import { messageEvent } from "./messageEvent.js";

const same = (bytes: Buffer): Buffer => bytes;
let stream: ServerWritableStream<Buffer, Buffer> | undefined;

const server = new Server();
server.addService(
  {
    subscribe: {
      path: "/mesosbridge.v1.SchedulerService/Subscribe",
      requestStream: false,
      responseStream: true,
      requestSerialize: same,
      requestDeserialize: same,
      responseSerialize: same,
      responseDeserialize: same,
    },
  },
  {
    subscribe: (call: ServerWritableStream<Buffer, Buffer>) => {
      stream = call;
      call.sendMetadata(new Metadata());
      call.write(lengthDelimited(1, lengthDelimited(10, lengthDelimited(1, Buffer.from("reference")))));
    },
  },
);
server.bindAsync("127.0.0.1:0", ServerCredentials.createInsecure(), (error, port) => {
  if (error) throw error;
  report({ kind: "ready", port });
});

onCommand({
  flood: (value) => {
    const { count, bytes } = value as { count: number; bytes: number };
    const call = stream;
    if (!call) throw new Error("nobody has attached");
    const event = messageField(1, [varintField(1, 1), lengthDelimited(11, messageEvent(bytes))]);
    let sent = 0;
    const write = () => {
      while (sent++ < count) {
        if (call.write(event)) continue;
        call.once("drain", write);
        return;
      }
    };
    write();
  },
});
