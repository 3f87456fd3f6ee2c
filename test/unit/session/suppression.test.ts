import { expect, test } from "vitest";
import { Suppression } from "../../../server/session/suppression.js";

const roles = ["a", "b", "c"];

/** One whose SUBSCRIBE, as of now, Mesos has taken. */
function subscribed(suppressedRoles: string[]) {
  const suppression = new Suppression(roles, suppressedRoles);
  suppression.subscribing();
  suppression.subscribed();
  return suppression;
}

const nothing = { revive: [], suppress: [] };

test("tells SUBSCRIBE what the client suppressed", () => {
  const suppression = subscribed(["b"]);
  expect(suppression.subscribeRoles()).toEqual(["b"]);
  suppression.suppressed(["c"]);
  suppression.suppressed(["c", "b"]);
  expect(suppression.subscribeRoles()).toEqual(["b", "c"]);
  suppression.revived(["b"]);
  expect(suppression.subscribeRoles()).toEqual(["c"]);
  expect(suppression.changes()).toEqual(nothing);
});

test("no roles mean all of them", () => {
  const suppression = subscribed([]);
  suppression.suppressed([]);
  expect(suppression.subscribeRoles()).toEqual(roles);
  suppression.revived([]);
  expect(suppression.subscribeRoles()).toEqual([]);
  expect(suppression.changes()).toEqual(nothing);
});

test("while the client is away all roles are suppressed, and what it wanted is not forgotten", () => {
  const suppression = subscribed(["b"]);
  suppression.setAway(true);
  expect([suppression.away, suppression.subscribeRoles()]).toEqual([true, roles]);
  expect(suppression.changes()).toEqual({ revive: [], suppress: ["a", "c"] });
  suppression.answered(suppression.tell(["a", "c"], true), true);
  expect(suppression.changes()).toEqual(nothing);
  suppression.setAway(false);
  expect([suppression.away, suppression.subscribeRoles()]).toEqual([false, ["b"]]);
  expect(suppression.changes()).toEqual({ revive: ["a", "c"], suppress: [] });
});

test("a changed framework has other roles", () => {
  const suppression = subscribed(["b"]);
  suppression.replaced(["x", "y"], ["y"]);
  expect(suppression.subscribing()).toEqual(["y"]);
  suppression.subscribed();
  expect(suppression.changes()).toEqual(nothing);
  suppression.updated(["y", "z"], ["z"]);
  expect([suppression.subscribeRoles(), suppression.changes()]).toEqual([["z"], nothing]);
});

test("a call with a role that the framework does not have changes nothing: Mesos drops all of it", () => {
  const suppression = subscribed(["b"]);
  suppression.suppressed(["a", "foreign"]);
  expect(suppression.subscribeRoles()).toEqual(["b"]);
  suppression.revived(["b", "foreign"]);
  expect(suppression.subscribeRoles()).toEqual(["b"]);
  suppression.replaced(["foreign"], []);
  suppression.suppressed(["foreign"]);
  expect(suppression.subscribeRoles()).toEqual(["foreign"]);
});

test("a SUBSCRIBE says what held when it was sent, and what has changed since has to be told", () => {
  const suppression = new Suppression(roles, ["b"]);
  suppression.subscribing();
  suppression.setAway(true);
  suppression.subscribed();
  expect(suppression.changes()).toEqual({ revive: [], suppress: ["a", "c"] });
  suppression.subscribing();
  suppression.setAway(false);
  suppression.subscribed();
  expect(suppression.changes()).toEqual({ revive: ["a", "c"], suppress: [] });
});

test("of a call that was not taken nobody knows what Mesos thinks, unless a newer one was", () => {
  const suppression = subscribed([]);
  suppression.setAway(true);
  const first = suppression.tell(["a"], true);
  expect(suppression.changes()).toEqual({ revive: [], suppress: ["b", "c"] });
  suppression.answered(first, false);
  expect(suppression.changes()).toEqual({ revive: [], suppress: roles });
  const older = suppression.tell(roles, true);
  const newer = suppression.tell(["b"], true);
  suppression.answered(older, false);
  suppression.answered(newer, true);
  expect(suppression.changes()).toEqual({ revive: [], suppress: ["a", "c"] });
});

test("a client's call that was made before one of the bridge's own does not count for the newer one", () => {
  const suppression = subscribed(["a"]);
  suppression.setAway(true);
  const own = suppression.tell(["b", "c"], true);
  suppression.revived([]);
  suppression.answered(own, true);
  suppression.setAway(false);
  // Mesos suppresses them all.
  expect(suppression.changes()).toEqual({ revive: roles, suppress: [] });
});
