import { expect, test } from "vitest";
import { Probes } from "../../../server/http/probes.js";

const told = (probes: Probes) => [probes.alive(), probes.ready()].map(({ status, body }) => `${status} ${body.trim()}`);

test("a bridge is alive whatever happens, and ready while a master leads and it is not ending", () => {
  const probes = new Probes();
  expect(told(probes)).toEqual(["200 alive", "503 starting: no Mesos master has answered yet"]);
  probes.masterSeen("");
  expect(told(probes)).toEqual(["200 alive", "200 ready"]);
  probes.masterSeen("nothing listens at\r\n127.0.0.1:5050");
  expect(told(probes)).toEqual(["200 alive", "503 no Mesos master: nothing listens at 127.0.0.1:5050"]);
  probes.masterSeen("");
  expect(told(probes)[1]).toBe("200 ready");
  probes.drain();
  expect(told(probes)).toEqual(["200 alive", "503 draining: the bridge is about to end"]);
  probes.masterSeen("");
  expect(told(probes)[1]).toBe("503 draining: the bridge is about to end");
});
