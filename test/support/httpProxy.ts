import { once } from "node:events";
import { createServer, type IncomingMessage, type Server } from "node:http";
import { type AddressInfo, connect, type Socket } from "node:net";

/** A request that reached the proxy. */
export interface ProxyRequest {
  method: string;
  /** What it is to be connected to, as HOST:PORT; the URL of a request that is no CONNECT. */
  target: string;
  /** `Proxy-Authorization`; empty without one. */
  authorization: string;
}

/** An HTTP proxy. It notes what it is asked, and either opens the connections asked for or refuses them. */
export class HttpProxy {
  readonly requests: ProxyRequest[] = [];
  readonly #status: number;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  #connections = 0;

  private constructor(status: number) {
    this.#status = status;
    this.#server = createServer((request, response) => {
      this.#note(request);
      response.writeHead(status === 200 ? 501 : status).end();
    });
    this.#server.on("connection", (socket) => {
      this.#connections++;
      this.#own(socket);
    });
    this.#server.on("connect", (request, socket: Socket, head) => this.#connect(request, socket, head));
  }

  /** @param status what it answers to CONNECT; one other than 200 refuses it */
  static async start(status = 200): Promise<HttpProxy> {
    const proxy = new HttpProxy(status);
    proxy.#server.listen(0, "127.0.0.1");
    await once(proxy.#server, "listening");
    return proxy;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** How many connections were made to it, with or without a request. */
  get connections(): number {
    return this.#connections;
  }

  async stop(): Promise<void> {
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
    await once(this.#server, "close");
  }

  #note({ method = "", url = "", headers }: IncomingMessage): void {
    this.requests.push({ method, target: url, authorization: headers["proxy-authorization"] ?? "" });
  }

  #connect(request: IncomingMessage, client: Socket, head: Buffer): void {
    this.#note(request);
    if (this.#status !== 200) {
      client.end(`HTTP/1.1 ${this.#status} Refused\r\nContent-Length: 0\r\n\r\n`);
      return;
    }
    const { hostname, port } = new URL(`http://${request.url}`);
    const target = connect(Number(port), hostname.replace(/^\[(.*)\]$/, "$1"));
    this.#own(target);
    target.once("connect", () => {
      client.write("HTTP/1.1 200 Connection established\r\n\r\n");
      target.write(head);
      client.pipe(target).pipe(client);
    });
    target.on("close", () => client.destroy());
    client.on("close", () => target.destroy());
  }

  #own(socket: Socket): void {
    this.#sockets.add(socket);
    socket.on("error", () => undefined);
    socket.on("close", () => this.#sockets.delete(socket));
  }
}

/**
 * The variables by which programs are told of an HTTP proxy, those of Java included. None of them excepts any address.
 *
 * @param address of the proxy, as HOST:PORT
 */
export function proxyEnvironment(address: string): Record<string, string> {
  const names = ["http_proxy", "https_proxy", "grpc_proxy", "all_proxy"];
  const url = `http://${address}`;
  const [host = "", port = ""] = address.split(":");
  const java = ["http", "https"].flatMap((scheme) => [
    `-D${scheme}.proxyHost=${host}`,
    `-D${scheme}.proxyPort=${port}`,
    `-D${scheme}.nonProxyHosts=`,
  ]);
  return {
    ...Object.fromEntries(names.flatMap((name) => [name, name.toUpperCase()]).map((name) => [name, url])),
    no_proxy: "",
    NO_PROXY: "",
    no_grpc_proxy: "",
    GRPC_PROXY_EXP: address,
    JAVA_TOOL_OPTIONS: java.join(" "),
  };
}
