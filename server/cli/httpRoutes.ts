import type { Route } from "../http/httpServer.js";
import type { Probes } from "../http/probes.js";
import type { MetricsSources } from "../metrics/metrics.js";
import type { ServeConfig } from "./serveConfig.js";
import { version } from "./version.js";

/** Adds what `--http` serves. Metrics are prepared only where somebody may read them. */
export async function addRoutes(
  routes: Map<string, Route>,
  { http, metricsFrameworks: maxFrameworks }: Pick<ServeConfig, "http" | "metricsFrameworks">,
  probes: Probes,
  counted: Omit<MetricsSources, "isReady" | "version" | "maxFrameworks">,
): Promise<void> {
  if (http === undefined) return;
  routes.set("/livez", probes.alive).set("/readyz", probes.ready);
  const { openMetrics } = await import("../metrics/metrics.js");
  const isReady = () => probes.isReady;
  const { render, contentType: type } = await openMetrics({ ...counted, isReady, version, maxFrameworks });
  routes.set("/metrics", async () => ({ status: 200, type, body: await render() }));
}
