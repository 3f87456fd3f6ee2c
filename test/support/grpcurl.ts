import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { at } from "./paths.js";

/** Where scripts/install-tools.mjs puts it. */
export const toolsDir = at(".tools/bin");

/** Why there is no grpcurl here; undefined when there is one. */
export function grpcurlMissing(): string | undefined {
  return existsSync(`${toolsDir}/grpcurl`) ? undefined : "grpcurl is not installed: node scripts/install-tools.mjs";
}

export interface Grpcurl {
  status: number;
  stdout: string;
  stderr: string;
}

/** Runs grpcurl to its end. `data` becomes `-d`. */
export function grpcurl(args: readonly string[], data?: object): Promise<Grpcurl> {
  const body = data === undefined ? [] : ["-d", JSON.stringify(data)];
  return new Promise((resolve, reject) => {
    const child = spawn(`${toolsDir}/grpcurl`, ["-plaintext", "-max-time", "15", ...body, ...args], {
      stdio: ["ignore", "pipe", "pipe"],
    });
    const result: Grpcurl = { status: -1, stdout: "", stderr: "" };
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      result.stdout += text;
    });
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      result.stderr += text;
    });
    child.on("error", reject);
    child.on("close", (status) => resolve({ ...result, status: status ?? -1 }));
  });
}
