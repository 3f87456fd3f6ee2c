import { statSync } from "node:fs";
import { relative } from "node:path";
import { BaseSequencer, type TestSpecification } from "vitest/node";
import { at } from "./paths.js";

/** Folders whose files take longest begin first, so that no long file is left for the end. */
const LONG_FIRST = ["conformance", "languages", "e2e"];
/** Folders whose files wait more than they compute. */
const PATIENT = new Set(["contract"]);

/**
 * The order of test files: long ones first, and those that mostly wait spread evenly over the others, so that the files
 * that run at one time leave no core idle and crowd none. The same on each machine: vitest's own order depends on what it
 * measured before.
 */
export class SpreadOut extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const sorted = files.map((file) => ({ file, key: sortKey(file) })).sort((a, b) => compare(a.key, b.key));
    const isPatient = ({ key }: (typeof sorted)[number]) => PATIENT.has(key.folder);
    return spread(
      sorted.filter((each) => !isPatient(each)),
      sorted.filter(isPatient),
    ).map(({ file }) => file);
  }
}

interface SortKey {
  folder: string;
  rank: number;
  bytes: number;
}

function sortKey({ moduleId }: TestSpecification): SortKey {
  const [folder = ""] = relative(at("test"), moduleId).split("/");
  const place = LONG_FIRST.indexOf(folder);
  return { folder, rank: place < 0 ? LONG_FIRST.length : place, bytes: statSync(moduleId).size };
}

const compare = (a: SortKey, b: SortKey) => a.rank - b.rank || b.bytes - a.bytes;

/** Both lists in their orders, the shorter one spread evenly over the longer one. */
function spread<T>(some: readonly T[], others: readonly T[]): T[] {
  const placed = [some, others].flatMap((list) => list.map((item, i) => ({ item, place: (i + 0.5) / list.length })));
  return placed.sort((a, b) => a.place - b.place).map(({ item }) => item);
}
