import { getOrCreate } from "../filters.js";
import type { ByteProgram } from "./byteProgram.js";
import type { Compiled } from "./compile.js";

/**
 * How many instructions RE2's program has once it is flattened: without forks, each place that a step leads to begins a list of
 * all steps that are possible there.
 */
export function flattenedSize({ program, start, unanchored }: Compiled): number {
  const roots = new Set([0, unanchored, start]);
  const forks = markSuccessors(program, unanchored, roots);
  for (const root of [...roots].sort((a, b) => b - a)) {
    if (root !== 0 && root !== unanchored && root !== start) markDominated(program, root, roots, forks);
  }
  let size = 0;
  for (const root of roots) size += listLength(program, root, roots);
  return size;
}

/** Whatever follows a step is a root. @returns the forks that lead to an instruction */
function markSuccessors(program: ByteProgram, from: number, roots: Set<number>): Map<number, number[]> {
  const forks = new Map<number, number[]>();
  const reached = new Set<number>();
  const stack = [from];
  for (let id = stack.pop(); id !== undefined; id = stack.pop()) {
    if (reached.has(id)) continue;
    reached.add(id);
    const inst = program.at(id);
    if (inst.op === "alt") {
      for (const out of [inst.out, inst.out1]) getOrCreate(forks, out, (): number[] => []).push(id);
      stack.push(inst.out1, inst.out);
    } else if (inst.op === "byte" || inst.op === "step") {
      const next = pastNops(program, inst.out);
      roots.add(next);
      stack.push(next);
    } else if (inst.op === "nop") stack.push(inst.out);
  }
  return forks;
}

function pastNops(program: ByteProgram, id: number): number {
  let at = id;
  for (let inst = program.at(at); inst.op === "nop"; inst = program.at(at)) at = inst.out;
  return at;
}

/** What is reached from this root and from elsewhere too is a root of its own. */
function markDominated(
  program: ByteProgram,
  root: number,
  roots: Set<number>,
  forks: ReadonlyMap<number, readonly number[]>,
): void {
  const reached = new Set<number>();
  walk(program, root, roots, reached);
  for (const id of reached) {
    if (forks.get(id)?.some((fork) => !reached.has(fork))) roots.add(id);
  }
}

/** A step counts, and so does the way to another root. */
function listLength(program: ByteProgram, root: number, roots: ReadonlySet<number>): number {
  const reached = new Set<number>();
  return walk(program, root, roots, reached);
}

function walk(program: ByteProgram, root: number, roots: ReadonlySet<number>, reached: Set<number>): number {
  let length = 0;
  const stack = [root];
  for (let id = stack.pop(); id !== undefined; id = stack.pop()) {
    if (reached.has(id)) continue;
    reached.add(id);
    const inst = program.at(id);
    if (id !== root && roots.has(id)) length++;
    else if (inst.op === "alt") stack.push(inst.out1, inst.out);
    else if (inst.op === "nop") stack.push(inst.out);
    else length++;
  }
  return length;
}
