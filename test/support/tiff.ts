/** Makes TIFFs byte by byte, of kinds that no encoder at hand writes. */
export interface TiffPageParts {
  /** Tag, type and values: of type 2 a text, of others numbers. Where strips are is added. */
  tags: [tag: number, type: number, values: number[] | string | Buffer][];
  strips: Buffer[];
  /** Pictures within this one. */
  inner?: TiffPageParts[];
}

const SIZES: Readonly<Record<number, number>> = { 1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 7: 1, 12: 8 };

export function makeTiff(pages: TiffPageParts[], { little = true, big = false } = {}): Buffer {
  const offsetBytes = big ? 8 : 4;
  const number = (value: number, bytes: number) => {
    const out = Buffer.alloc(bytes);
    if (bytes === 8) little ? out.writeBigUInt64LE(BigInt(value)) : out.writeBigUInt64BE(BigInt(value));
    else if (little) out.writeUIntLE(value, 0, bytes);
    else out.writeUIntBE(value, 0, bytes);
    return out;
  };
  const bytesOf = (type: number, values: number[] | string | Buffer) => {
    if (Buffer.isBuffer(values)) return values;
    if (typeof values === "string") return Buffer.from(`${values}\0`, "utf8");
    const size = SIZES[type] ?? 1;
    if (type === 12) return Buffer.concat(values.map((value) => double(value, little)));
    if (type === 5) return Buffer.concat(values.map((value) => Buffer.concat([number(value, 4), number(1, 4)])));
    return Buffer.concat(values.map((value) => number(value, size)));
  };
  const parts: Buffer[] = [Buffer.from(little ? "II" : "MM"), number(big ? 43 : 42, 2)];
  if (big) parts.push(number(8, 2), number(0, 2));
  let length = parts.reduce((sum, part) => sum + part.length, 0);
  const put = (data: Buffer) => {
    const at = length;
    parts.push(data);
    length += data.length;
    if (length % 2 === 1) put(Buffer.alloc(1));
    return at;
  };
  const link = () => {
    const field = Buffer.alloc(offsetBytes);
    put(field);
    return (at: number) => {
      number(at, offsetBytes).copy(field);
    };
  };
  const directory = (page: TiffPageParts): { at: number; next: (at: number) => void } => {
    const offsets = page.strips.map((strip) => put(strip));
    const inner = (page.inner ?? []).map((each) => directory(each).at);
    const tags: TiffPageParts["tags"] = [
      ...page.tags,
      [273, 4, offsets],
      [279, 4, page.strips.map((strip) => strip.length)],
      ...(inner.length > 0 ? ([[330, 4, inner]] as TiffPageParts["tags"]) : []),
    ];
    tags.sort(([a], [b]) => a - b);
    const entries = tags.map(([tag, type, values]) => {
      const value = bytesOf(type, values);
      const field = Buffer.alloc(offsetBytes);
      if (value.length <= offsetBytes) value.copy(field);
      else number(put(value), offsetBytes).copy(field);
      const count = value.length / (SIZES[type] ?? 1);
      return Buffer.concat([number(tag, 2), number(type, 2), number(count, offsetBytes), field]);
    });
    const at = put(Buffer.concat([number(entries.length, big ? 8 : 2), ...entries]));
    return { at, next: link() };
  };
  let next = link();
  for (const page of pages) {
    const made = directory(page);
    next(made.at);
    next = made.next;
  }
  return Buffer.concat(parts);
}

function double(value: number, little: boolean): Buffer {
  const out = Buffer.alloc(8);
  if (little) out.writeDoubleLE(value);
  else out.writeDoubleBE(value);
  return out;
}

interface TiffForm {
  channels?: number;
  bits?: number;
  compression?: number;
  /** Black is zero, or RGB for three channels and more. */
  photometric?: number;
  rows?: number;
}

/** The tags of a picture of so many channels, in one strip unless told otherwise. */
export function tiffTags(
  width: number,
  height: number,
  { channels = 1, bits = 8, compression = 1, photometric, rows = height }: TiffForm = {},
): TiffPageParts["tags"] {
  return [
    [256, 3, [width]],
    [257, 3, [height]],
    [258, 3, Array.from({ length: channels }, () => bits)],
    [259, 3, [compression]],
    [262, 3, [photometric ?? (channels >= 3 ? 2 : 1)]],
    [277, 3, [channels]],
    [278, 3, [rows]],
  ];
}
