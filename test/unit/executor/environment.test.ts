import { describe, expect, it } from "vitest";
import { readExecutorEnvironment } from "../../../executor/library/environment.js";
import { Slots } from "../../../executor/library/slots.js";

const minimal = { MESOS_SLAVE_PID: "slave(1)@127.0.0.1:5050", MESOS_FRAMEWORK_ID: "f", MESOS_EXECUTOR_ID: "e" };

describe("the environment", () => {
  it("gives address and path as MESOS_SLAVE_PID says, and the agent's defaults for the rest", () => {
    expect(readExecutorEnvironment({ ...minimal })).toEqual({
      origin: "http://127.0.0.1:5050",
      path: "/slave(1)/api/v1/executor",
      frameworkId: "f",
      executorId: "e",
      checkpoint: false,
      shutdownGraceMs: 5_000,
      recoveryTimeoutMs: 900_000,
      subscriptionBackoffMaxMs: 2_000,
      token: undefined,
      tls: undefined,
    });
  });

  it("knows IPv6 agents, and agents that speak TLS", () => {
    const env = { ...minimal, MESOS_SLAVE_PID: "slave(2)@[::1]:5051", LIBPROCESS_SSL_ENABLED: "true" };
    expect(readExecutorEnvironment(env)).toMatchObject({
      origin: "https://[::1]:5051",
      path: "/slave(2)/api/v1/executor",
      tls: { rejectUnauthorized: false },
    });
    expect(readExecutorEnvironment({ ...env, LIBPROCESS_SSL_VERIFY_SERVER_CERT: "1" }).tls?.rejectUnauthorized).toBe(
      true,
    );
  });

  it.each([
    [{ MESOS_SLAVE_PID: undefined }, "MESOS_SLAVE_PID is not set: an executor is started by a Mesos agent"],
    [{ MESOS_SLAVE_PID: "127.0.0.1:5050" }, "should be as slave(1)@127.0.0.1:5051"],
    [{ MESOS_EXECUTOR_ID: "" }, "MESOS_EXECUTOR_ID is not set"],
    [{ MESOS_DOMAIN_SOCKET: "/run/mesos.sock" }, "--http_executor_domain_sockets"],
    [{ MESOS_RECOVERY_TIMEOUT: "soon" }, "MESOS_RECOVERY_TIMEOUT: 'soon' is not a duration"],
    [{ LIBPROCESS_SSL_ENABLED: "1", LIBPROCESS_SSL_CA_FILE: "/nowhere/ca.pem" }, "LIBPROCESS_SSL_CA_FILE: ENOENT"],
  ])("%j is refused with what to do", (change, message) => {
    expect(() => readExecutorEnvironment({ ...minimal, ...change })).toThrow(message);
  });
});

describe("slots", () => {
  it("are given in the order in which they were asked for, and back once only", async () => {
    const slots = new Slots(1);
    const order: string[] = [];
    const first = await slots.acquire();
    const second = slots.acquire().then((release) => {
      order.push("second");
      return release;
    });
    const third = slots.acquire().then((release) => {
      order.push("third");
      return release;
    });
    first();
    first();
    (await second)();
    (await third)();
    expect(order).toEqual(["second", "third"]);
    expect(slots.free).toBe(1);
  });

  it("are not waited for any longer than the signal allows", async () => {
    const slots = new Slots(1);
    const release = await slots.acquire();
    const abort = new AbortController();
    const waiting = slots.acquire(abort.signal);
    abort.abort(new Error("enough"));
    await expect(waiting).rejects.toThrow("enough");
    release();
    expect(slots.free).toBe(1);
  });

  it.each([0, -1, 1.5, Number.NaN])("can't number %d", (count) => {
    expect(() => new Slots(count)).toThrow("a whole number of at least 1");
  });
});
