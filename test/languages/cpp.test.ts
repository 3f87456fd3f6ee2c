import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, expect, it } from "vitest";
import { type Certificates, makeCertificates } from "../conformance/certificates.js";
import { ScriptedBridge } from "../conformance/scriptedBridge.js";
import { startProcess } from "../support/childProcess.js";
import { cleanupAfterAll } from "../support/cleanup.js";
import { buildCpp, cppPrograms } from "./cpp.js";
import { testEmptyTasks } from "./emptyTasks.js";
import { describeLanguage } from "./toolchain.js";

// With CI=true what is missing is installed; else it is said, since that changes the system.
describeLanguage("C++", cppPrograms, () => {
  testEmptyTasks("C++", { build: async () => ({ command: await buildCpp(), args: [] }) });

  // The conformance cases are for libraries, and C++ has none.
  const cleanup = cleanupAfterAll();
  let command = "";
  let folder = "";
  let certificates: Certificates;
  beforeAll(async () => {
    command = await buildCpp();
    folder = await cleanup.tempDir();
    certificates = await makeCertificates(folder);
  }, 600_000);

  const run = async (...args: string[]) => {
    const running = cleanup.use(await startProcess({ command, args }));
    return { code: (await running.exited).code, said: running.log() };
  };

  it.each([
    ["a certificate that has expired", { tls: "expired" }, "has expired"],
    ["a certificate for another name", { tls: "wrong-name" }, "certificate is not for"],
    ["a certificate of another authority", { tls: "other-authority" }, "authority that is not trusted"],
    ["a demand for a client certificate", { tls: "good", demandsCertificate: true }, "client certificate"],
    ["no TLS", {}, "does not speak TLS"],
  ] as const)("says what is wrong with a bridge with %s", async (_, listening, words) => {
    const bridge = cleanup.use(await ScriptedBridge.start(listening, certificates, folder));
    const args = ["--bridge", bridge.address, "--bridge-ca", certificates.ca, "--give-up-after", "0"];
    const { code, said } = await run(...args);
    expect(said).toContain(words);
    expect(said.trim().split("\n")).toHaveLength(1);
    expect(code).toBe(1);
  });

  it("sends no token in plain text to another host", async () => {
    const token = join(folder, "token");
    writeFileSync(token, "secret");
    const { code, said } = await run("--bridge", "192.0.2.1:50051", "--bridge-token-file", token);
    expect(said).toContain("plain text");
    expect(code).toBe(2);
  });
});
