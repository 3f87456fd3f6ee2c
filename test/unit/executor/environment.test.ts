import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parseDuration } from "../../../executor/library/duration.js";
import { readExecutorEnvironment } from "../../../executor/library/environment.js";
import { Slots } from "../../../executor/library/slots.js";

describe("durations", () => {
  it.each([
    ["5secs", 5_000],
    ["1mins", 60_000],
    ["2.5hrs", 9_000_000],
    ["15mins", 900_000],
    ["250ms", 250],
    ["1weeks", 604_800_000],
    ["3days", 259_200_000],
    ["1500us", 1.5],
    ["1000000ns", 1],
    ["0ns", 0],
  ])("%s is %d ms", (text, expected) => {
    expect(parseDuration(text)).toBeCloseTo(expected, 9);
  });

  it.each(["", "5", "secs", "5 secs", "-5secs", "1e3secs", "5Secs", "5s", "1.secs", "999999999999weeks", "5secs "])(
    "'%s' is refused by name",
    (text) => {
      expect(() => parseDuration(text)).toThrow(`'${text}'`);
    },
  );

  it("are read whatever number stands before the unit", () => {
    fc.assert(
      fc.property(fc.nat(1_000_000), fc.nat(999), (whole, thousandths) => {
        const text = `${whole}.${String(thousandths).padStart(3, "0")}secs`;
        expect(parseDuration(text)).toBeCloseTo(whole * 1_000 + thousandths, 3);
      }),
    );
  });
});

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
