import { expect, test } from "vitest";
import { parseServeConfig, type ServeFlags } from "../../../server/cli/serveConfig.js";

const config = (flags: ServeFlags) => parseServeConfig({ master: "127.0.0.1:1", dataDir: "data", ...flags });

/** They are wrong command lines, and end with status 2. */
test.each<[string, ServeFlags, string]>([
  ["an address twice", { listen: ["127.0.0.1:5", "unix:/a", "unix:/a"] }, "--listen: unix:/a is given twice"],
  [
    "authentication without permissions",
    { clientTokens: "tokens" },
    "clients are authenticated, and without --permissions nothing is allowed to any of them: add --permissions",
  ],
  ["permissions for nobody", { permissions: "rules" }, "--permissions: the bridge can't tell who its clients are"],
  ["an age of streams of nobody", { maxStreamAge: "1h" }, "--max-stream-age: the bridge does not authenticate its"],
])("%s", (_, flags, words) => {
  expect(() => config(flags)).toThrow(words);
});

test("what fits together is taken", () => {
  expect(config({ listen: ["127.0.0.1:0", "127.0.0.1:0"] }).listen).toHaveLength(2);
  expect(config({ listen: "unix:/a", permissions: "rules", maxStreamAge: "1h" }).maxStreamAge).toBe(3_600_000);
  expect(config({ clientTokens: "tokens", permissions: "rules" }).permissions).toBe("rules");
});
