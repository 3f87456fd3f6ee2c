import { expect, test } from "vitest";
import { Suppression } from "../../../server/session/suppression.js";

const roles = ["a", "b", "c"];

test("tells SUBSCRIBE what the client suppressed", () => {
  const suppression = new Suppression(roles, ["b"]);
  expect([suppression.subscribeRoles(), suppression.wantedRoles()]).toEqual([["b"], ["a", "c"]]);
  suppression.suppressed(["c"]);
  suppression.suppressed(["c", "b"]);
  expect([suppression.subscribeRoles(), suppression.wantedRoles()]).toEqual([["b", "c"], ["a"]]);
  suppression.revived(["b"]);
  expect(suppression.subscribeRoles()).toEqual(["c"]);
});

test("no roles mean all of them", () => {
  const suppression = new Suppression(roles, []);
  suppression.suppressed([]);
  expect([suppression.subscribeRoles(), suppression.wantedRoles()]).toEqual([roles, []]);
  suppression.revived([]);
  expect([suppression.subscribeRoles(), suppression.wantedRoles()]).toEqual([[], roles]);
});

test("while the client is away all roles are suppressed, and what it wanted is not forgotten", () => {
  const suppression = new Suppression(roles, ["b"]);
  suppression.setAway(true);
  expect([suppression.away, suppression.subscribeRoles(), suppression.wantedRoles()]).toEqual([
    true,
    roles,
    ["a", "c"],
  ]);
  suppression.setAway(false);
  expect([suppression.away, suppression.subscribeRoles()]).toEqual([false, ["b"]]);
});

test("a changed framework has other roles", () => {
  const suppression = new Suppression(roles, ["b"]);
  suppression.replaced(["x", "y"], ["y"]);
  expect([suppression.subscribeRoles(), suppression.wantedRoles()]).toEqual([["y"], ["x"]]);
});

test("a call with a role that the framework does not have changes nothing: Mesos drops all of it", () => {
  const suppression = new Suppression(roles, ["b"]);
  suppression.suppressed(["a", "foreign"]);
  expect(suppression.subscribeRoles()).toEqual(["b"]);
  suppression.revived(["b", "foreign"]);
  expect(suppression.subscribeRoles()).toEqual(["b"]);
  suppression.replaced(["foreign"], []);
  suppression.suppressed(["foreign"]);
  expect([suppression.subscribeRoles(), suppression.wantedRoles()]).toEqual([["foreign"], []]);
});
