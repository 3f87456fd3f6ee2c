type Builtin = Date | Uint8Array | string | number | boolean | bigint | undefined;

/** A message of which only some fields are given; the rest is unset. What the generated `fromPartial` takes. */
export type DeepPartial<T> = T extends Builtin
  ? T
  : T extends (infer U)[]
    ? DeepPartial<U>[]
    : T extends { $case: string; value: unknown }
      ? { $case: T["$case"]; value?: DeepPartial<T["value"]> }
      : T extends object
        ? { [K in keyof T]?: DeepPartial<T[K]> }
        : Partial<T>;
