import { describe, expect, test } from "vitest";
import { parseMasterSpec } from "../../../server/mesos/detect/masterSpec.js";

describe("a list of masters", () => {
  const lists: [spec: string, origins: string[]][] = [
    ["127.0.0.1:5050", ["http://127.0.0.1:5050"]],
    ["master.example:5051", ["http://master.example:5051"]],
    ["master.example", ["http://master.example:5050"]],
    [" a:1 , b:2 ", ["http://a:1", "http://b:2"]],
    ["a,b,c", ["http://a:5050", "http://b:5050", "http://c:5050"]],
    ["[::1]:5050", ["http://[::1]:5050"]],
    ["[::1]", ["http://[::1]:5050"]],
    ["http://a:80", ["http://a"]],
    ["a:80", ["http://a"]],
    ["https://a:443", ["https://a"]],
    ["https://a", ["https://a:5050"]],
    ["https://a:5050/", ["https://a:5050"]],
    ["http://a:1,https://b:2", ["http://a:1", "https://b:2"]],
  ];
  test.each(lists)("%s", (spec, origins) => {
    const parsed = parseMasterSpec(spec);
    expect(parsed.kind === "list" && parsed.urls.map((url) => url.origin)).toEqual(origins);
  });
});

describe("ZooKeeper", () => {
  test.each([
    ["zk://a:2181/mesos", { servers: "a:2181", path: "/mesos", auth: undefined }],
    ["zk://a:2181,b:2182,c/mesos/prod/", { servers: "a:2181,b:2182,c", path: "/mesos/prod", auth: undefined }],
    ["zks://a:2281,b:2281/mesos", { tls: true, servers: "a:2281,b:2281", path: "/mesos", auth: undefined }],
    ["zk://user:secret@a:2181/mesos", { servers: "a:2181", path: "/mesos", auth: "user:secret" }],
  ])("%s", (spec, expected) => {
    expect(parseMasterSpec(spec)).toEqual({ kind: "zookeeper", tls: false, ...expected });
  });
});

describe("what is no master", () => {
  test.each([
    ["", "no master is given"],
    ["  ", "no master is given"],
    [",", "'' is not a master address"],
    ["a:5050,", "'' is not a master address"],
    ["a:99999", "'a:99999' is not a master address"],
    ["a b", "'a b' is not a master address"],
    ["::1", "'::1' is not a master address"],
    ["zk+tls://user:hunter2@a:2281/mesos", "TLS to ZooKeeper is written zks://"],
    ["zks://user:hunter2@a:2281,b/mesos", "'b' names no port: give ZooKeeper's secureClientPort, which has no default"],
    ["zks://user:hunter2@a:2281", "'zks://***@a:2281' names no ZooKeeper path"],
    ["zks://a:0/mesos", "'a:0' is not a ZooKeeper host:port"],
    ["ftp://a:21", "'ftp://' is not a scheme that masters speak"],
    ["http://a:5050/master", "'http://a:5050/master' is not host:port"],
    ["a:5050?x=1", "'a:5050?x=1' is not host:port"],
    ["a:5050#x", "'a:5050#x' is not host:port"],
    ["zk://a:2181", "'zk://a:2181' names no ZooKeeper path"],
    ["zk://a:2181/", "the ZooKeeper path must not be '/'"],
    ["zk:///mesos", "'zk:///mesos' names no ZooKeeper path"],
    ["zk://a:x/mesos", "'a:x' is not a ZooKeeper host:port"],
    ["zk://a:1,,b:2/mesos", "'' is not a ZooKeeper host:port"],
  ])("%j", (spec, message) => {
    const parse = () => parseMasterSpec(spec);
    expect(parse).toThrow(message);
    expect(parse).toThrow(/: use host:port\[,host:port...\], http\(s\):\/\/host:port, or zk:\/\/.*path$|use host:port/);
  });

  test("credentials in an address are refused, and told to nobody", () => {
    const specs = [
      "http://user:hunter2@a:5050",
      "user:hunter2@a:5050",
      "user:hunter2@a:99999",
      "zk://user:hunter2@a:2181",
      "zk://user:hunter2@a:x/mesos",
      "zk://user:hunter2/extra@a:2181/mesos",
      "zk://user:hunter2@b@a:2181/mesos",
    ];
    for (const spec of specs) {
      let message = "";
      try {
        parseMasterSpec(spec);
      } catch (error) {
        message = (error as Error).message;
      }
      expect(message, spec).not.toBe("");
      expect(message, spec).not.toContain("hunter2");
    }
  });
});
