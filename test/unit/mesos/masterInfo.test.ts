import { expect, test } from "vitest";
import { masterUrl } from "../../../server/mesos/detect/masterInfo.js";

const url = (info: unknown, scheme: "http" | "https" = "http") =>
  masterUrl(Buffer.from(typeof info === "string" ? info : JSON.stringify(info)), scheme).origin;

const address = { hostname: "master.example", ip: "10.0.0.7", port: 5051 };
/** 10.0.0.9, as it lies in memory. */
const IP = 0x0900000a;

test.each([
  ["the address's IP comes first", { address, hostname: "h", ip: IP, port: 1 }, "http://10.0.0.7:5051"],
  ["masters before 0.24 have no address", { hostname: "h", ip: IP, port: 5052 }, "http://10.0.0.9:5052"],
  ["an IP that is high", { ip: 0xfe01a8c0, port: 5050 }, "http://192.168.1.254:5050"],
  ["the port is 5050 by default", { ip: IP }, "http://10.0.0.9:5050"],
  ["IPv6", { address: { ...address, ip: "2001:db8::1" } }, "http://[2001:db8::1]:5051"],
  ["an address of all interfaces is none", { address: { ...address, ip: "0.0.0.0" } }, "http://master.example:5051"],
  ["the pid, where there is nothing else", { pid: "master@10.0.0.8:5050" }, "http://10.0.0.8:5050"],
  ["port 80", { address: { ...address, port: 80 } }, "http://10.0.0.7"],
  ["unknown fields are fine", { address, capabilities: [{}], new_field: { a: [1] } }, "http://10.0.0.7:5051"],
])("%s", (_, info, expected) => {
  expect(url(info)).toBe(expected);
});

test("with https the name comes first, because certificates are for names", () => {
  expect(url({ address }, "https")).toBe("https://master.example:5051");
  expect(url({ address: { ip: "10.0.0.7" } }, "https")).toBe("https://10.0.0.7:5050");
});

test.each([
  ["", "it is empty"],
  ["}{", "it is not JSON"],
  ["null", "it is not a MasterInfo"],
  ["[]", "it is not a MasterInfo"],
  [{}, "it names no address"],
  [{ address: { ip: "10.0.0.7/evil?" } }, "it names no address"],
  [{ address: { hostname: "user:secret@host" } }, "it names no address"],
  [{ address: { ip: "10.0.0.7", port: 0 } }, "its field address.port is not as Mesos writes it"],
  [{ address: { ip: "10.0.0.7", port: "5050" } }, "its field address.port is not as Mesos writes it"],
  [{ ip: "10.0.0.7" }, "its field ip is not as Mesos writes it"],
  [{ ip: -1 }, "its field ip is not as Mesos writes it"],
])("%j can't be used", (info, message) => {
  expect(() => url(info)).toThrow(message);
});
