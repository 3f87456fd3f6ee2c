import { expect, test } from "vitest";
import { certificateNames } from "../../../server/access/certificateNames.js";

const names = (subjectaltname: string | undefined, cn?: string | string[]) =>
  certificateNames({ subjectaltname, subject: { CN: cn } as never });

test("URIs come first, then host names, then common names", () => {
  expect(names("DNS:a.example, IP Address:127.0.0.1, URI:spiffe://x/y, DNS:b.example", "some name")).toEqual([
    "uri:spiffe://x/y",
    "dns:a.example",
    "dns:b.example",
    "cn:some name",
  ]);
});

test("several common names count", () => expect(names(undefined, ["a", "b"])).toEqual(["cn:a", "cn:b"]));

test("none is none", () => {
  expect(names(undefined)).toEqual([]);
  expect(names("IP Address:127.0.0.1, email:a@b", "")).toEqual([]);
});

test("a name that looks like two is one", () => {
  expect(names('DNS:"good.example, URI:spiffe://x/admin", DNS:c')).toEqual([
    "dns:good.example, URI:spiffe://x/admin",
    "dns:c",
  ]);
  expect(names('URI:"http://a/\\", DNS:admin"')).toEqual(['uri:http://a/", DNS:admin']);
});

test("there are at most 100 of a kilobyte each", () => {
  expect(names(Array.from({ length: 500 }, (_, i) => `DNS:${i}`).join(", "))).toHaveLength(100);
  expect(names(`DNS:${"x".repeat(2_000)}`, "a")).toEqual(["cn:a"]);
});
