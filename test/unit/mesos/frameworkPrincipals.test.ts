import { expect, test } from "vitest";
import {
  type Authentication,
  fixedAuthentication,
  noAuthentication,
} from "../../../server/mesos/link/authentication.js";
import { FrameworkPrincipals, type PrincipalRules } from "../../../server/mesos/link/frameworkPrincipals.js";
import { Secrets } from "../../../wire/secrets.js";

const header = (principal: string, secret = principal) =>
  `Basic ${Buffer.from(`${principal}:${secret}`).toString("base64")}`;
const basic = (principal: string, secret = principal) => fixedAuthentication(principal, secret, new Secrets());
const token: Authentication = { ...noAuthentication, header: async () => "Bearer token" };

/** Rules: names of frameworks that begin so get this principal. */
function rules(...all: [prefix: string, credentials: Authentication][]): PrincipalRules {
  return {
    rules: all.map(([prefix, { principal = "" }]) => ({
      principal,
      matches: (name) => name.startsWith(prefix),
    })),
    credentials: new Map(all.map(([, credentials]) => [credentials.principal ?? "", credentials])),
  };
}

function book(own: Authentication, ...all: Parameters<typeof rules>) {
  const lines: string[] = [];
  const log = {
    debug: () => {},
    info: () => {},
    warn: (fields: object) => lines.push(JSON.stringify(fields)),
    error: () => {},
  };
  return { principals: new FrameworkPrincipals(rules(...all), own, log), lines };
}

/** Uses credentials, and collects the headers that are told as changes. */
function used(credentials: Authentication) {
  const changes: string[] = [];
  const unlisten = credentials.onChanged((changed) => changes.push(changed));
  return { credentials, changes, unlisten };
}

test("the first rule counts, and the bridge's own principal where none matches", async () => {
  const { principals, lines } = book(basic("own"), ["a-", basic("a")], ["a", basic("b")]);
  expect(["a-1", "a1", "x"].map((name) => principals.wantedFor(name))).toEqual(["a", "b", "own"]);
  const headers = [
    ["a-1", "a"],
    ["a1", "b"],
    ["x", "own"],
  ].map(([name = "", principal]) => principals.credentialsOf(name, principal).header());
  expect(await Promise.all(headers)).toEqual([header("a"), header("b"), header("own")]);
  expect(lines).toEqual([]);
});

test("a framework without a principal follows the rules", async () => {
  const { principals, lines } = book(noAuthentication, ["a", basic("a")]);
  const { credentials, changes } = used(principals.credentialsOf("a", undefined));
  expect(await credentials.header()).toBe(header("a"));
  principals.replace(rules(["a", basic("b")]));
  expect(await credentials.header()).toBe(header("b"));
  expect(await principals.credentialsOf("x", undefined).header()).toBeUndefined();
  expect([changes, lines]).toEqual([[header("b")], []]);
});

test("one that has a principal keeps it and its last secret, whatever comes", async () => {
  const { principals, lines } = book(basic("own"), ["a", basic("a")]);
  const { credentials, changes, unlisten } = used(principals.credentialsOf("a1", "a"));
  principals.replace(rules(["a", basic("b")]));
  expect(await credentials.header()).toBe(header("a"));
  expect(lines).toEqual([expect.stringContaining("'a1' keeps 'a', and does not get 'b'; put a rule for it with 'a'")]);
  principals.replace(rules(["x", basic("x")]));
  expect(await credentials.header()).toBe(header("a"));
  expect(lines[1]).toContain("'a1' keeps 'a', and does not get 'own'");
  // A new secret of the same principal is used.
  principals.replace(rules(["a", basic("b")], ["y", basic("a", "newer")]));
  expect(await credentials.header()).toBe(header("a", "newer"));
  expect(changes).toEqual([header("a", "newer")]);
  unlisten();
  principals.replace(rules(["a", basic("c")]));
  expect([changes.length, lines.length]).toEqual([1, 3]);
});

test("one whose principal nobody knows waits until a rule gives its secret", async () => {
  const { principals, lines } = book(basic("own"), ["a", basic("b")]);
  const { credentials, changes } = used(principals.credentialsOf("a1", "a"));
  await expect(credentials.header()).rejects.toThrow("no rule of --framework-principals has the secret of 'a'");
  expect(lines[0]).toContain(
    "'a1' keeps 'a', of which no rule has the secret, so that it can't subscribe, and does not",
  );
  principals.replace(rules(["a", basic("a")]));
  expect(await credentials.header()).toBe(header("a"));
  await expect.poll(() => changes).toEqual([header("a")]);
  expect(lines).toHaveLength(1);
});

test("a principal that a client has named is nobody's business where the bridge has none", async () => {
  const without = book(noAuthentication, ["a", basic("a")]);
  expect(await without.principals.credentialsOf("x", "label").header()).toBeUndefined();
  const { principals, lines } = book(token, ["a", basic("a")]);
  expect(await principals.credentialsOf("x", "label").header()).toBe("Bearer token");
  expect([...without.lines, ...lines]).toEqual([]);
  // A rule for it comes: it stays as it is.
  const { credentials } = used(principals.credentialsOf("b", "label"));
  principals.replace(rules(["b", basic("b")]));
  expect(await credentials.header()).toBe("Bearer token");
  expect(lines).toEqual([expect.stringContaining("'b' keeps 'label', and does not get 'b'")]);
});

test("the leading master is asked with the bridge's own credentials, or with the first of the rules", async () => {
  expect(await book(basic("own"), ["a", basic("a")]).principals.probe.header()).toBe(header("own"));
  const { principals } = book(noAuthentication, ["a", basic("a")], ["b", basic("b")]);
  const { credentials, changes } = used(principals.probe);
  expect(await credentials.header()).toBe(header("a"));
  principals.replace(rules(["b", basic("b")]));
  await expect.poll(() => changes).toEqual([header("b")]);
});

test("what was a secret is taken out of texts, also after a newer one", async () => {
  const secrets = new Secrets();
  const { principals } = book(noAuthentication, ["a", fixedAuthentication("a", "first-secret", secrets)]);
  const { credentials } = used(principals.credentialsOf("a", "a"));
  const { secrets: told } = credentials;
  principals.replace(rules(["a", fixedAuthentication("a", "second-secret", secrets)]));
  expect(told.redact("first-secret second-secret")).toBe("*** ***");
});
