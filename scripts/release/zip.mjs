import { writeFileSync } from "node:fs";
import { deflateRawSync } from "node:zlib";

const TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let value = byte;
  for (let bit = 0; bit < 8; bit++) value = value & 1 ? (value >>> 1) ^ 0xedb88320 : value >>> 1;
  return value;
});

/** Node has one in zlib, but not in the oldest version that we run on. */
function crc32(data) {
  let crc = 0xffffffff;
  for (const byte of data) crc = TABLE[(crc ^ byte) & 0xff] ^ (crc >>> 8);
  return (crc ^ 0xffffffff) >>> 0;
}

/** 2026-01-01 00:00:00, as zip writes it. */
const TIME = 0;
const DATE = ((2026 - 1980) << 9) | (1 << 5) | 1;
const UTF8_NAMES = 0x0800;
const DEFLATED = 8;
const UNIX = 3 << 8;
const REGULAR_FILE = 0o100644 * 0x10000;

/** What both headers of an entry have in common. */
function common({ name, data, packed }) {
  const header = Buffer.alloc(26);
  for (const [place, value] of [
    [0, 20],
    [2, UTF8_NAMES],
    [4, DEFLATED],
    [6, TIME],
    [8, DATE],
    [22, name.length],
  ]) {
    header.writeUInt16LE(value, place);
  }
  header.writeUInt32LE(crc32(data), 10);
  header.writeUInt32LE(packed.length, 14);
  header.writeUInt32LE(data.length, 18);
  return header;
}

/** What the directory says beyond an entry's own header: no comment, one disk, the mode, and where the entry begins. */
function directoryEntry(name, header, offset) {
  const made = Buffer.alloc(2);
  made.writeUInt16LE(UNIX | 20);
  const rest = Buffer.alloc(14);
  rest.writeUInt32LE(REGULAR_FILE, 6);
  rest.writeUInt32LE(offset, 10);
  return [Buffer.from("PK\x01\x02"), made, header, rest, name];
}

function end(count, size, offset) {
  const bytes = Buffer.alloc(22);
  bytes.write("PK\x05\x06");
  bytes.writeUInt16LE(count, 8);
  bytes.writeUInt16LE(count, 10);
  bytes.writeUInt32LE(size, 12);
  bytes.writeUInt32LE(offset, 16);
  return bytes;
}

/**
 * Writes a zip archive. The same entries give the same bytes, whatever the time and the machine. Below 4 GiB.
 *
 * @param entries `[name, content]` in their order
 */
export function writeZip(path, entries) {
  const body = [];
  const directory = [];
  let offset = 0;
  for (const [text, data] of entries) {
    const name = Buffer.from(text);
    const packed = deflateRawSync(data, { level: 9 });
    const header = common({ name, data, packed });
    const parts = [Buffer.from("PK\x03\x04"), header, name, packed];
    directory.push(Buffer.concat(directoryEntry(name, header, offset)));
    for (const part of parts) {
      body.push(part);
      offset += part.length;
    }
  }
  const listed = Buffer.concat(directory);
  writeFileSync(path, Buffer.concat([...body, listed, end(entries.length, listed.length, offset)]));
}
