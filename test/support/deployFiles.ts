import { readdirSync, readFileSync } from "node:fs";
import { at } from "./paths.js";

/** What people change in the files of deploy/, as the files and the table of deploy/README.md have it. */
export const SITE = {
  program: "/opt/mesos-bridge",
  masters: "zk://zookeeper.example:2181/mesos",
  listen: "0.0.0.0:50051",
  bridges: "agent-1.example:50051,agent-2.example:50051",
  dataDir: "/shared/mesos-bridge",
  input: "/shared/photographs",
  output: "/shared/inverted",
} as const;
export type Site = Readonly<Record<keyof typeof SITE, string>>;

/** The names of the definitions for a meta-framework. */
export function deployFiles(peer: "marathon" | "singularity"): string[] {
  return readdirSync(at("deploy", peer)).sort();
}

/** A definition as it stands. */
export function deployText(peer: "marathon" | "singularity", file: string): string {
  return readFileSync(at("deploy", peer, file), "utf8");
}

/** A definition with the values of another site, as its JSON. */
export function deployFor(peer: "marathon" | "singularity", file: string, site: Site): unknown {
  return JSON.parse(deployText(peer, file), (_, value: unknown) =>
    typeof value === "string" ? withSite(value, site) : value,
  );
}

/** A value is the whole text, or begins a path, or, as the port of `listen`, stands in the address of a health check. */
function withSite(text: string, site: Site): string {
  const keys = Object.keys(SITE) as (keyof typeof SITE)[];
  const whole = keys.find((key) => text === SITE[key]);
  if (whole !== undefined) return site[whole];
  const port = (address: string) => address.slice(address.lastIndexOf(":"));
  return text
    .replace(`${SITE.program}/`, `${site.program}/`)
    .replace(`127.0.0.1${port(SITE.listen)}/`, `127.0.0.1${port(site.listen)}/`);
}
