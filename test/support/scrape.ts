import type { Bridge } from "./bridge.js";
import { open } from "./http.js";

/** One series of a scrape. */
export interface Series {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

/** What a bridge with `--http` shows at /metrics. */
export interface Scrape {
  /** Types by the names of metrics. */
  readonly types: ReadonlyMap<string, string>;
  readonly series: readonly Series[];
}

const SERIES = /^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? (\S+)$/;
const LABEL = /([a-zA-Z_]\w*)="((?:[^"\\]|\\.)*)"/g;

/** Where a bridge that was started with `--http` serves it. */
export const httpAddress = (bridge: Bridge): string => /^http (\S+)$/m.exec(bridge.process.log())?.[1] ?? "";

/** @throws Error if a line is neither a comment nor a series */
export async function scrape(bridge: Bridge): Promise<Scrape> {
  const answer = await open(`http://${httpAddress(bridge)}/metrics`, { method: "GET" });
  answer.setEncoding("utf8");
  let text = "";
  for await (const chunk of answer) text += chunk;
  if (answer.statusCode !== 200) throw new Error(`/metrics answered ${answer.statusCode}: ${text}`);
  return parseScrape(text);
}

export function parseScrape(text: string): Scrape {
  const types = new Map<string, string>();
  const series: Series[] = [];
  for (const line of text.split("\n")) {
    const type = /^# TYPE (\S+) (\S+)$/.exec(line);
    if (type) types.set(type[1] as string, type[2] as string);
    if (line === "" || line.startsWith("#")) continue;
    const [, name, labels = "", value] = SERIES.exec(line) ?? [];
    if (name === undefined) throw new Error(`not a series: ${line}`);
    series.push({
      name,
      labels: Object.fromEntries([...labels.matchAll(LABEL)].map(([, k, v]) => [k, v])),
      value: Number(value),
    });
  }
  return { types, series };
}

/** The sum of the series of that name that have these labels. */
export function sumOf({ series }: Scrape, name: string, labels: Record<string, string> = {}): number {
  const wanted = Object.entries(labels);
  const matching = series.filter((one) => one.name === name && wanted.every(([key, text]) => one.labels[key] === text));
  if (matching.length === 0) throw new Error(`there is no series ${name} ${JSON.stringify(labels)}`);
  return matching.reduce((sum, { value }) => sum + value, 0);
}

/** The metric to which a series belongs: that of a histogram has other names. */
export function metricOf({ types }: Scrape, seriesName: string): string | undefined {
  if (types.has(seriesName)) return seriesName;
  const base = seriesName.replace(/_(bucket|sum|count)$/, "");
  return types.get(base) === "histogram" ? base : undefined;
}
