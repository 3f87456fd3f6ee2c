import { Header } from "tar";

/** A file of an archive. */
export interface TarFile {
  /** Its path in the archive: at most 100 bytes of ASCII. */
  readonly name: string;
  readonly content: Buffer;
}

const BLOCK = 512;

/** An archive in the format ustar, whose files only their owner can read. */
export function tarOf(files: readonly TarFile[], modifiedMs: number): Buffer {
  const parts = files.flatMap(({ name, content }) => [
    header(name, content.length, modifiedMs),
    content,
    Buffer.alloc((BLOCK - (content.length % BLOCK)) % BLOCK),
  ]);
  return Buffer.concat([...parts, Buffer.alloc(2 * BLOCK)]);
}

function header(name: string, bytes: number, modifiedMs: number): Buffer {
  if (!/^[\x21-\x7e]{1,100}$/.test(name)) throw new Error(`'${name}' can't be the name of a file in an archive`);
  const block = Buffer.alloc(BLOCK);
  const mtime = new Date(modifiedMs);
  new Header({ path: name, mode: 0o600, uid: 0, gid: 0, size: bytes, mtime, type: "File" }).encode(block);
  return block;
}
