import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { download } from "../../../executor/inverter/download.js";
import { ProxyDispatcher } from "../../../executor/inverter/proxies.js";
import { upload } from "../../../executor/inverter/upload.js";

/** Notes what it is asked for, and answers it itself. */
let proxy: Server;
let proxyHost: string;
let asked: string[];
let dispatcher: ProxyDispatcher;

beforeEach(async () => {
  asked = [];
  proxy = createServer((request, response) => {
    const { host, authorization = "", "proxy-authorization": proxyAuthorization = "" } = request.headers;
    asked.push([request.method, request.url, host, authorization, proxyAuthorization].join(" ").trimEnd());
    request.resume();
    response.end("from the proxy");
  }).listen(0, "127.0.0.1");
  proxy.on("connect", (request, socket) => {
    asked.push(`CONNECT ${request.url} ${request.headers["proxy-authorization"] ?? ""}`.trimEnd());
    socket.end("HTTP/1.1 403 Forbidden\r\n\r\n");
  });
  await once(proxy, "listening");
  proxyHost = `127.0.0.1:${(proxy.address() as AddressInfo).port}`;
  use({});
});

afterEach(async () => {
  await dispatcher.destroy();
  proxy.closeAllConnections();
  proxy.close();
});

function use(env: Record<string, string>): void {
  dispatcher = new ProxyDispatcher({ env, connectTimeoutMs: 1_000, silenceTimeoutMs: 1_000 });
}

const signal = new AbortController().signal;
const get = async (url: string) => (await download(url, { dispatcher, signal, maxBytes: 1_000 })).toString();
const routed = (url: string) => dispatcher.proxyOf(new URL(url)) !== undefined;

describe("an agent with a proxy in its environment", () => {
  it("sends http through it, with the whole URL, and its user and password to it alone", async () => {
    use({ http_proxy: `http://me:s%40cret@${proxyHost}` });
    expect(await get("http://images.test/a.png?size=1")).toBe("from the proxy");
    const basic = `Basic ${Buffer.from("me:s@cret").toString("base64")}`;
    expect(asked).toEqual([`GET http://images.test/a.png?size=1 images.test  ${basic}`]);
    await upload("http://results.test:8080/a", Buffer.from("x"), { dispatcher, signal, contentType: "image/png" });
    expect(asked[1]).toBe(`PUT http://results.test:8080/a results.test:8080  ${basic}`);
  });

  it("opens a tunnel for https, and says when it is refused", async () => {
    use({ HTTPS_PROXY: `me:secret@${proxyHost}` });
    await expect(get("https://images.test/a.png")).rejects.toThrow(
      `no connection to images.test:443 through the proxy ${proxyHost}: it answers 403 Forbidden`,
    );
    expect(asked).toEqual([`CONNECT images.test:443 Basic ${Buffer.from("me:secret").toString("base64")}`]);
  });

  it("reaches what is near without it: the client's own file server", async () => {
    use({ http_proxy: proxyHost });
    const own = createServer((_, response) => response.end("near")).listen(0, "127.0.0.1");
    await once(own, "listening");
    expect(await get(`http://127.0.0.1:${(own.address() as AddressInfo).port}/input/1/token`)).toBe("near");
    own.closeAllConnections();
    own.close();
    expect(asked).toEqual([]);
    const near = ["10.1.2.3", "172.31.0.1", "192.168.1.1", "169.254.0.1", "[::1]", "[fd00::1]", "[fe80::1]"];
    for (const host of [...near, "buildbox", "localhost", "a.localhost", "[::ffff:10.0.0.1]"]) {
      expect(routed(`http://${host}:8080/`), host).toBe(false);
    }
    for (const host of ["172.32.0.1", "8.8.8.8", "[2001:db8::1]", "images.test"]) {
      expect(routed(`http://${host}/`), host).toBe(true);
    }
  });

  it("reaches what no_proxy names without it", () => {
    use({
      http_proxy: proxyHost,
      https_proxy: proxyHost,
      no_proxy: "one.test, .two.test,*.three.test four.test:8080 9.9.0.0/16,2001:db8::/32,[2002::1]:80,nonsense/99",
    });
    const direct = [
      ...["http://one.test", "https://sub.ONE.test", "http://two.test", "http://sub.two.test", "http://a.three.test"],
      ...["http://four.test:8080", "http://9.9.1.1", "http://[2001:db8::5]", "http://[2002::1]", "http://one.test."],
    ];
    for (const url of direct) expect(routed(url), url).toBe(false);
    const others = ["http://notone.test", "http://four.test", "http://9.8.1.1", "http://[2002::1]:81", "http://test"];
    expect(others.filter(routed)).toEqual(others.slice(0, -1));
    use({ http_proxy: proxyHost, NO_PROXY: "*" });
    expect(routed("http://images.test/")).toBe(false);
  });

  it("takes the one for http for nothing else, and small letters before capital ones", () => {
    use({ http_proxy: proxyHost, HTTP_PROXY: "other:1" });
    expect(dispatcher.proxyOf(new URL("http://images.test"))).toBe(proxyHost);
    expect(routed("https://images.test")).toBe(false);
    use({ http_proxy: "", HTTP_PROXY: "" });
    expect(routed("http://images.test")).toBe(false);
  });

  it("names the proxy that can't be reached, and not its password", async () => {
    proxy.close();
    await once(proxy, "close");
    use({ http_proxy: `http://me:secret@${proxyHost}` });
    const error = (await get("http://images.test/a.png").catch((cause: unknown) => cause)) as Error;
    expect(error.message).toBe(
      `server gone: connection refused by images.test:80 through the proxy ${proxyHost} (tried 4 times)`,
    );
  });

  it.each(["socks5://me:secret@proxy:1080", "http://me:secret@", "http://proxy:port"])(
    "that is none (%s) says so, without its value, once it is needed",
    async (value) => {
      use({ http_proxy: value });
      await expect(get("http://images.test/a.png")).rejects.toThrow(
        /^http_proxy is not the address of a proxy: on the agent it must be http:\/\/HOST:PORT$/,
      );
      expect(routed("http://10.0.0.1/")).toBe(false);
    },
  );
});
