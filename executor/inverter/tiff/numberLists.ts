/** Lists of numbers as they stand in a file. */

export function longs(values: readonly number[], little: boolean): Buffer {
  const list = Buffer.alloc(values.length * 4);
  for (const [i, value] of values.entries()) {
    if (little) list.writeUInt32LE(value, i * 4);
    else list.writeUInt32BE(value, i * 4);
  }
  return list;
}

export function shorts(values: readonly number[], little: boolean): Buffer {
  const list = Buffer.alloc(values.length * 2);
  for (const [i, value] of values.entries()) {
    if (little) list.writeUInt16LE(value, i * 2);
    else list.writeUInt16BE(value, i * 2);
  }
  return list;
}
