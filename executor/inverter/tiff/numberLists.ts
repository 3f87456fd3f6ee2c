/** Lists of numbers as they stand in a file. */

export function longs(values: readonly number[], little: boolean): Buffer {
  return listed(values, 4, little ? Buffer.prototype.writeUInt32LE : Buffer.prototype.writeUInt32BE);
}

export function shorts(values: readonly number[], little: boolean): Buffer {
  return listed(values, 2, little ? Buffer.prototype.writeUInt16LE : Buffer.prototype.writeUInt16BE);
}

function listed(values: readonly number[], bytes: number, write: Buffer["writeUInt32LE"]): Buffer {
  const list = Buffer.alloc(values.length * bytes);
  for (const [i, value] of values.entries()) write.call(list, value, i * bytes);
  return list;
}
