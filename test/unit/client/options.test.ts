import { describe, expect, it } from "vitest";
import type { RunRecord } from "../../../clients/typescript/invert/ledger.js";
import { frameworkNameOf, invertCommand, invertOptions } from "../../../clients/typescript/invert/options.js";
import { UsageError } from "../../../clients/typescript/library/program.js";

/** The options as the program has them when it is called so. */
function parse(...args: string[]): ReturnType<typeof invertOptions> {
  const command = invertCommand().exitOverride();
  command.parse(["--output", "/out", ...args], { from: "user" });
  return invertOptions(command);
}

function open(frameworkName: string, frameworkOpen = true): RunRecord {
  const server = { bindHost: "127.0.0.1", port: 1, advertisedHost: "127.0.0.1", archiveToken: "t" };
  return { version: 1, frameworkName, ...server, frameworkOpen };
}

describe("the framework's name", () => {
  it("is that of the ledger while its framework is open: this host may be called otherwise by now", () => {
    expect(frameworkNameOf(parse(), open("mesos-invert-of-another-host"))).toBe("mesos-invert-of-another-host");
  });

  it("depends on the folder otherwise", () => {
    const own = frameworkNameOf(parse(), undefined);
    expect(own).toMatch(/^mesos-invert-[0-9a-f]{10}$/);
    expect(frameworkNameOf(parse(), open("earlier", false))).toBe(own);
    expect(frameworkNameOf(parse("--output", "/other"), undefined)).not.toBe(own);
  });

  it("is the given one, unless another framework is open: that one is named", () => {
    expect(frameworkNameOf(parse("--framework-name", "mine"), open("earlier", false))).toBe("mine");
    expect(frameworkNameOf(parse("--framework-name", "mine"), open("mine"))).toBe("mine");
    // The default, given in words, is given all the same.
    expect(frameworkNameOf(parse("--framework-name", "mesos-invert"), undefined)).toBe("mesos-invert");
    const refused = () => frameworkNameOf(parse("--framework-name", "mine"), open("other"));
    expect(refused).toThrow(UsageError);
    expect(refused).toThrow("belongs to the framework other: use that as --framework-name, or none");
  });
});
