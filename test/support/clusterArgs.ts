import type { ClusterOptions } from "./cluster.js";

/** The options as both clusters' programs take them. */
export function clusterArgs(options: ClusterOptions, workDir: string): string[] {
  const { agents = 1, resources, attributes, flags = {}, credentials = {}, keep, port = 0 } = options;
  const args = ["--port", String(port), "--agents", String(agents), "--work-dir", workDir];
  if (resources !== undefined) args.push("--resources", resources);
  if (attributes !== undefined) args.push("--attributes", attributes);
  if (keep) args.push("--keep");
  for (const [name, value] of Object.entries(flags)) args.push("--flag", `${name}=${value}`);
  for (const [principal, secret] of Object.entries(credentials)) args.push("--credential", `${principal}:${secret}`);
  return args;
}
