import { Client, credentials, Server, ServerCredentials, type ServiceError, status } from "@grpc/grpc-js";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import {
  addRawService,
  type Done,
  type DuplexCall,
  type Handlers,
  type ServerStreamCall,
  type UnaryCall,
} from "../../../server/grpc/rawService.js";
import { invalidField } from "../../../server/session/errors.js";

const definition = {
  fullName: "test.Echo",
  methods: {
    say: { name: "Say", requestStream: false, responseStream: false },
    watch: { name: "Watch", requestStream: false, responseStream: true },
    talk: { name: "Talk", requestStream: true, responseStream: true },
  },
} as const;

/** Does what its request says. */
class Echo implements Handlers<typeof definition> {
  readonly #greeting = "hello ";

  say({ request }: UnaryCall, done: Done): void {
    const word = request.toString();
    if (word === "throw") throw invalidField("word", "is wrong");
    if (word === "later") setImmediate(done, invalidField("word", "is wrong"));
    else if (word === "fault") throw new TypeError("hunter2");
    else done(undefined, Buffer.from(this.#greeting + word));
  }

  watch(call: ServerStreamCall): void | Promise<void> {
    const word = call.request.toString();
    if (word === "throw") throw invalidField("word", "is wrong");
    if (word === "later") return Promise.reject(invalidField("word", "is wrong"));
    // A message of any kind that can copy itself.
    const greeting = this.#greeting;
    call.write({ byteLength: greeting.length, copy: (out, start) => out.write(greeting, start) });
    call.write(Buffer.from(word));
    call.end();
  }

  talk(call: DuplexCall): void {
    call.on("data", (word: Buffer) => call.write(Buffer.from(this.#greeting + word.toString())));
    call.on("end", () => call.end());
  }
}

const logged: object[] = [];
const silent = () => {};
const log = { debug: silent, info: silent, warn: silent, error: (fields: object) => logged.push(fields) };
const server = new Server();
let client: Client;

beforeAll(async () => {
  addRawService(server, definition, new Echo(), log);
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync("127.0.0.1:0", ServerCredentials.createInsecure(), (error, bound) =>
      error ? reject(error) : resolve(bound),
    );
  });
  client = new Client(`127.0.0.1:${port}`, credentials.createInsecure(), { "grpc.enable_http_proxy": 0 });
});
afterAll(() => {
  client.close();
  server.forceShutdown();
});

const same = (bytes: Buffer) => bytes;

function say(word: string): Promise<string> {
  return new Promise((resolve, reject) => {
    client.makeUnaryRequest("/test.Echo/Say", same, same, Buffer.from(word), (error, response) =>
      error ? reject(error) : resolve(String(response)),
    );
  });
}

async function watch(word: string): Promise<string[]> {
  const call = client.makeServerStreamRequest("/test.Echo/Watch", same, same, Buffer.from(word));
  const read: string[] = [];
  for await (const message of call) read.push(String(message));
  return read;
}

describe("the methods of a class", () => {
  test("answer with bytes, and are bound to their object", async () => {
    expect(await say("world")).toBe("hello world");
    expect(await watch("world")).toEqual(["hello ", "world"]);
    const call = client.makeBidiStreamRequest("/test.Echo/Talk", same, same);
    call.write(Buffer.from("a"));
    call.end(Buffer.from("b"));
    const read: string[] = [];
    for await (const message of call) read.push(String(message));
    expect(read).toEqual(["hello a", "hello b"]);
  });

  test.each([
    ["a unary method throws", () => say("throw")],
    ["a unary method gives later", () => say("later")],
    ["a stream's method throws", () => watch("throw")],
    ["a stream's promise rejects with", () => watch("later")],
  ])("end the call with the status of an error that %s", async (_, make) => {
    const error = await make().then(
      () => undefined,
      (caught: ServiceError) => caught,
    );
    expect(error).toMatchObject({ code: status.INVALID_ARGUMENT, details: "word is wrong" });
    expect(error?.metadata.get("grpc-status-details-bin").length).toBe(1);
    expect(logged).toEqual([]);
  });

  test("tell a client nothing of a fault, which goes to the log", async () => {
    await expect(say("fault")).rejects.toMatchObject({
      code: status.INTERNAL,
      details: expect.not.stringMatching(/hunter2/),
    });
    expect(logged).toEqual([{ err: expect.objectContaining({ message: "hunter2" }) }]);
  });
});
