import { describe, expect, test } from "vitest";
import { FrameworkOwners } from "../../../server/access/frameworkOwners.js";
import { TokenBucket } from "../../../server/access/tokenBucket.js";
import { Usage } from "../../../server/access/usage.js";

class HandClock {
  #now = 5_000_000;

  now(): number {
    return this.#now;
  }

  pass(ms: number): void {
    this.#now += ms;
  }
}

describe("a token bucket", () => {
  const taken = (bucket: TokenBucket, perSecond: number) => {
    let count = 0;
    while (bucket.take(perSecond)) count++;
    return count;
  };

  test("lets a second's calls through at once, and then as many as time passes", () => {
    const clock = new HandClock();
    const bucket = new TokenBucket(clock);
    expect(taken(bucket, 10)).toBe(10);
    clock.pass(250);
    expect(taken(bucket, 10)).toBe(2);
    clock.pass(50);
    expect(taken(bucket, 10)).toBe(1);
  });

  test("saves no more than a second's calls", () => {
    const clock = new HandClock();
    const bucket = new TokenBucket(clock);
    taken(bucket, 10);
    clock.pass(60_000);
    expect(taken(bucket, 10)).toBe(10);
  });

  test("follows a limit that changes", () => {
    const clock = new HandClock();
    const bucket = new TokenBucket(clock);
    expect(taken(bucket, 100)).toBe(100);
    clock.pass(1_000);
    expect(taken(bucket, 3)).toBe(3);
  });
});

describe("what an identity uses", () => {
  test("counts a stream out once, however often its end is told", () => {
    const usage = new Usage("cn:x", new HandClock());
    const end = usage.observer({ observers: 1 });
    expect(() => usage.observer({ observers: 1 })).toThrow("observers in the bridge's permissions");
    end();
    end();
    usage.observer({ observers: 1 });
    expect(() => usage.observer({ observers: 1 })).toThrow();
    expect(usage.idle).toBe(false);
  });

  test("counts attachments to one framework once, until the last of them is over", () => {
    const usage = new Usage("cn:x", new HandClock());
    const limits = { attachments: 1 };
    const ends = [usage.attachment("a", limits), usage.attachment("a", limits)];
    expect(() => usage.attachment("b", limits)).toThrow("attachments in the bridge's permissions");
    ends[0]?.();
    ends[0]?.();
    expect(() => usage.attachment("b", limits)).toThrow();
    expect(usage.idle).toBe(false);
    ends[1]?.();
    expect(usage.idle).toBe(true);
    usage.attachment("b", limits);
  });

  test("has room again when bytes were taken, and says so once", () => {
    const usage = new Usage("cn:x", new HandClock());
    const limits = { "waiting-bytes": 100 };
    usage.waiting(100);
    expect(usage.hasRoom(limits)).toBe(false);
    let told = 0;
    usage.onRoom(() => told++);
    usage.waiting(-1);
    usage.waiting(-1);
    expect(told).toBe(1);
    expect(usage.hasRoom(limits)).toBe(true);
    usage.waiting(-98);
    expect(usage.idle).toBe(true);
  });
});

describe("owners of frameworks", () => {
  const owners = () => {
    const open = new Set<string>();
    return { open, owners: new FrameworkOwners((name) => open.has(name)) };
  };

  test("have as many as their limit says, of those that are open", () => {
    const { open, owners: all } = owners();
    for (const name of ["a", "b"]) {
      all.claim("x", name, 2).attached();
      open.add(name);
    }
    expect(() => all.claim("x", "c", 2)).toThrow("x has 2 frameworks, which is its limit (frameworks");
    all.claim("x", "a", 2);
    open.delete("b");
    all.claim("x", "c", 2);
  });

  test("count what they are about to attach to, though it has no session yet", () => {
    const { owners: all } = owners();
    const first = all.claim("x", "a", 1);
    expect(() => all.claim("x", "b", 1)).toThrow("x has 1 frameworks");
    const again = all.claim("x", "a", 1);
    first.failed();
    expect(() => all.claim("x", "b", 1)).toThrow("x has 1 frameworks");
    again.failed();
    all.claim("x", "b", 1);
  });

  test("keep what they are attached to when another claim of theirs on it fails", () => {
    const { open, owners: all } = owners();
    const [first, second] = [all.claim("x", "a", 1), all.claim("x", "a", 1)];
    second.attached();
    open.add("a");
    first.failed();
    second.failed();
    expect(() => all.claim("x", "b", 1)).toThrow("x has 1 frameworks");
  });

  test("keep what another identity could not attach to, and lose it once that has attached", () => {
    const { open, owners: all } = owners();
    all.claim("x", "a", 1).attached();
    open.add("a");
    all.claim("y", "a", 1).failed();
    expect(() => all.claim("x", "c", 1)).toThrow("x has 1 frameworks");
    all.claim("y", "d", 1).failed();
    all.claim("y", "a", 1).attached();
    all.claim("x", "c", 1);
  });
});
