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
  block.write(name, 0, "latin1");
  block.write(octal(0o600, 7), 100, "latin1");
  block.write(octal(0, 7), 108, "latin1");
  block.write(octal(0, 7), 116, "latin1");
  block.write(octal(bytes, 11), 124, "latin1");
  block.write(octal(Math.floor(modifiedMs / 1000), 11), 136, "latin1");
  // The sum is made with blanks in its own place.
  block.fill(" ", 148, 156);
  block.write("0", 156, "latin1");
  block.write("ustar\x0000", 257, "latin1");
  const sum = block.reduce((total, byte) => total + byte, 0);
  block.write(`${octal(sum, 6)}\0 `, 148, "latin1");
  return block;
}

const octal = (value: number, digits: number) => value.toString(8).padStart(digits, "0");
