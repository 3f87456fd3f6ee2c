/** An instruction of RE2, which works on bytes. `out` is the next instruction; 0, the first instruction, is the failure. */
export type ByteInst =
  | { readonly op: "alt"; out: number; out1: number }
  | { readonly op: "byte"; readonly lo: number; readonly hi: number; readonly fold: boolean; out: number }
  /** A capture or an assertion. */
  | { readonly op: "step"; out: number }
  | { readonly op: "nop"; out: number }
  | { readonly op: "match" | "fail"; readonly out: 0 };

/** There are more instructions than there may be. */
export class TooManyInstructions extends Error {}

/** Takes up to a number of instructions. */
export class ByteProgram {
  readonly insts: ByteInst[] = [{ op: "fail", out: 0 }];
  readonly #max: number;

  constructor(max: number) {
    this.#max = max;
  }

  /** @returns its number @throws TooManyInstructions */
  add(inst: ByteInst): number {
    if (this.insts.length >= this.#max) throw new TooManyInstructions();
    this.insts.push(inst);
    return this.insts.length - 1;
  }

  at(id: number): ByteInst {
    return this.insts[id] ?? { op: "fail", out: 0 };
  }

  /** Takes the newest one back. */
  dropLast(): void {
    this.insts.pop();
  }
}
