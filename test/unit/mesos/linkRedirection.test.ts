import { describe, expect, test } from "vitest";
import type { FakeMaster } from "../../support/fakeMaster.js";
import { LinkTests } from "./linkTests.js";

const links = new LinkTests();

describe("redirection", () => {
  const locations: [name: string, location: (host: string) => string][] = [
    ["as Mesos writes it", (host) => `//${host}/api/v1/scheduler`],
    ["as older documents say", (host) => host],
    ["absolute", (host) => `http://${host}/api/v1/scheduler`],
  ];
  test.each(locations)("is followed, %s", async (_, location) => {
    const leader = await links.another();
    const subject = links.subject();
    const asked = await links.master.requests.next();
    asked.connection.answer(307, "", { Location: location(leader.host) });
    await leader.subscription();
    expect(await subject.told.next()).toEqual({ connected: leader.host });
    await asked.connection.ended();
    expect(subject.attempts).toBe(2);
    expect(subject.told.all.filter((told) => "disconnected" in told)).toEqual([]);
  });

  test("a chain of five is followed", async () => {
    const masters = [links.master];
    for (let i = 0; i < 5; i++) masters.push(await links.another());
    const subject = links.subject();
    for (const [i, each] of masters.entries()) {
      const next = masters[i + 1];
      if (next) (await each.requests.next()).connection.answer(307, "", { Location: `//${next.host}/` });
      else await each.subscription();
    }
    expect(await subject.told.next()).toEqual({ connected: masters.at(-1)?.host });
  });

  test("a circle ends, is told, and the next master of the list is tried", async () => {
    const other = await links.another();
    const third = await links.another();
    const subject = links.subject([links.master.url, third.url]);
    for (const [asked, named] of Array(3)
      .fill([
        [links.master, other],
        [other, links.master],
      ])
      .flat() as [FakeMaster, FakeMaster][]) {
      (await asked.requests.next()).connection.answer(307, "", { Location: `//${named.host}/` });
    }
    expect(await subject.disconnected()).toMatch(/redirect in a circle: 5 redirects and no leader$/);
    await third.subscription();
    expect(await subject.told.next()).toEqual({ connected: third.host });
  });

  test("a master that names itself is given up too", async () => {
    const third = await links.another();
    const subject = links.subject([links.master.url, third.url]);
    for (let i = 0; i < 6; i++) {
      (await links.master.requests.next()).connection.answer(307, "", { Location: `//${links.master.host}/` });
    }
    expect(await subject.disconnected()).toMatch(/redirect in a circle/);
    await third.subscription();
  });

  test("a leader that is gone: the other masters of the list are asked", async () => {
    const gone = await links.gone();
    const third = await links.another();
    const subject = links.subject([links.master.url, third.url]);
    (await links.master.requests.next()).connection.answer(307, "", { Location: `//${gone.host}/` });
    expect(await subject.disconnected()).toBe(`nothing listens at ${gone.host}`);
    await third.subscription();
    expect(await subject.told.next()).toEqual({ connected: third.host });
  });

  test("a chain that ends at a master that is not ready", async () => {
    const leader = await links.another();
    const subject = links.subject();
    (await links.master.requests.next()).connection.answer(307, "", { Location: `//${leader.host}/` });
    (await leader.requests.next()).connection.answer(503, "Master has not finished recovery");
    expect(await subject.disconnected()).toBe("the master is not ready (503): Master has not finished recovery");
    await links.master.subscription();
    await subject.connected();
  });
});
