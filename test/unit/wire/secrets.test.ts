import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { Secrets } from "../../../wire/secrets.js";

function secrets(...forms: string[]): Secrets {
  const subject = new Secrets();
  subject.remember(...forms);
  return subject;
}

const ODD = `p&s <"w'rd> \\ + / é 🔑%;{}`;
const html = (text: string) =>
  text.replace(
    /[&<>"']/g,
    (char) => ({ "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;" })[char] ?? "",
  );

describe("a secret is taken out", () => {
  test.each([
    ["as it is", ODD],
    ["in JSON", JSON.stringify(ODD).slice(1, -1)],
    ["in JSON in JSON", JSON.stringify(JSON.stringify(ODD))],
    ["in JSON with escaped slashes", JSON.stringify(ODD).replaceAll("/", "\\/")],
    ["in a URL", encodeURIComponent(ODD)],
    ["in a URL, in small letters", encodeURIComponent(ODD).toLowerCase()],
    ["in a form", new URLSearchParams({ a: ODD }).toString()],
    ["in a URL in a URL", encodeURIComponent(encodeURIComponent(ODD))],
    ["in HTML", html(ODD)],
    ["with other white space", ODD.replaceAll(" ", "\n  ")],
  ])("%s", (_, written) => {
    const told = secrets(ODD).redact(`the header was ${written}, which is wrong`);
    expect(told).toContain("***");
    expect(told).not.toMatch(/w.{0,12}rd/);
    expect(told.startsWith("the header was ")).toBe(true);
    expect(told.endsWith(", which is wrong")).toBe(true);
  });

  test("each time, next to each other, and in each of its forms", () => {
    const subject = secrets("s3cret", "alice:s3cret", "YWxpY2U6czNjcmV0");
    expect(subject.redact("s3crets3cret alice:s3cret Basic YWxpY2U6czNjcmV0= s3cre")).toBe("*** *** Basic ***= s3cre");
  });

  test("also its beginning, where it is long and was cut short by the peer", () => {
    const token = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJicmlkZ2UifQ.c2lnbmF0dXJl";
    expect(secrets(token).redact(`Bearer ${token.slice(0, 30)}...`)).toBe("Bearer ***...");
  });

  test("also the former ones, which may be on their way still, and no more than a few", () => {
    const subject = secrets("first-secret");
    for (const next of ["second-secret", "third-secret", "fourth-secret"]) subject.remember(next);
    expect(subject.redact("first-secret fourth-secret")).toBe("*** ***");
    subject.remember("fifth-secret");
    subject.remember("fifth-secret");
    expect(subject.redact("first-secret second-secret fifth-secret")).toBe("first-secret *** ***");
  });
});

test("what is too short to be told from a word is left", () => {
  expect(secrets("a", "bob:a").redact("a banana of bob:a")).toBe("a banana of ***");
});

test("a text without secrets stays as it is", () => {
  expect(secrets("s3cret").redact("Framework cannot be found")).toBe("Framework cannot be found");
  expect(new Secrets().redact("anything", true)).toBe("anything");
});

test("wherever a text was cut, nothing of a secret is left at its end", () => {
  const long = fc
    .stringMatching(/^[a-z0-9%"& ]{4,40}$/)
    .filter((secret) => secret.trim() === secret && secret.trim().length >= 4);
  fc.assert(
    fc.property(long, fc.nat(60), fc.nat(2_000), (secret, before, at) => {
      const text = `${"-".repeat(before)}${JSON.stringify(secret).slice(1, -1)}`.repeat(40).slice(0, at);
      const told = secrets(secret).redact(text, true);
      expect(told.replace(/-|\*\*\*/g, "")).toBe("");
    }),
  );
});

test.each([
  ['00%25  &aa"', 10, 26],
  ["25% %", 5, 16],
  ['%%" %0 aa%&%25%0"a', 0, 23],
  ["x&amp;y", 0, 6],
  ["x\\u005cy", 0, 4],
])("a secret that looks like an escaped one is found, even cut: %s", (secret, before, at) => {
  const text = `${"-".repeat(before)}${JSON.stringify(secret).slice(1, -1)}`.repeat(4).slice(0, at);
  expect(
    secrets(secret)
      .redact(text, true)
      .replace(/-|\*\*\*/g, ""),
  ).toBe("");
});

test("of a text that was cut, what can't be a secret's beginning is kept", () => {
  const subject = secrets("s3cret");
  expect(subject.redact("No leader s3c", true)).toBe("No leader ");
  expect(subject.redact("No leader", true)).toBe("No leader");
  expect(subject.redact("No leaders3cret", true)).toBe("No leader***");
});

test("it takes time by the length of the text", () => {
  const subject = secrets("a ".repeat(1_000), "\\bcd", '"bcd', "  bcd", "aaaaaaaaaaaaaaab");
  for (const text of [" ".repeat(100_000), "\\".repeat(100_000), "a".repeat(100_000), "%25".repeat(30_000)]) {
    expect(subject.redact(text, true).length).toBeLessThanOrEqual(100_000);
  }
});
