import type { Buckets } from "../../wire/buckets.js";

export type Labels = Readonly<Record<string, string>>;

/** One series, as it is now. */
export interface Sample {
  readonly labels: Labels;
  readonly value: number;
  /** Of a histogram's series: the family's name with a suffix. */
  readonly metricName?: string;
}

/** All series of one name. */
export interface Family {
  readonly name: string;
  readonly help: string;
  readonly type: "counter" | "gauge" | "histogram";
  /** Reads what is counted elsewhere. */
  samples(): Sample[];
}

/** A family without labels. */
export function plain(name: string, type: "counter" | "gauge", help: string, value: () => number): Family {
  return { name, type, help, samples: () => [{ labels: {}, value: value() }] };
}

/** A family with one label, of which the values are few and known. */
export function labelled(
  name: string,
  type: "counter" | "gauge",
  label: string,
  help: string,
  values: () => Iterable<readonly [string, number]>,
): Family {
  const samples = () => Array.from(values(), ([text, value]) => ({ labels: { [label]: text }, value }));
  return { name, type, help, samples };
}

/** A histogram without labels. */
export function histogram(name: string, help: string, buckets: Buckets): Family {
  return { name, type: "histogram", help, samples: () => histogramSamples(name, {}, buckets) };
}

/** The series of one histogram. */
export function histogramSamples(name: string, labels: Labels, { bounds, counts, sum }: Buckets): Sample[] {
  let count = 0;
  const samples: Sample[] = counts.map((some, at) => {
    count += some;
    const le = at < bounds.length ? String(bounds[at]) : "+Inf";
    return { metricName: `${name}_bucket`, labels: { ...labels, le }, value: count };
  });
  samples.push({ metricName: `${name}_sum`, labels, value: sum });
  samples.push({ metricName: `${name}_count`, labels, value: count });
  return samples;
}
