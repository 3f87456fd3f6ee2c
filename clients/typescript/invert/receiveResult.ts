import { randomBytes } from "node:crypto";
import { open, rm } from "node:fs/promises";
import type { IncomingMessage } from "node:http";
import { join } from "node:path";
import { makeFolder } from "./makeFolder.js";
import { unwritable } from "./unwritable.js";

/** Where uploads are while they come in, in the output folder. */
export const INCOMING_FOLDER = ".invert-incoming";
const HEAD_BYTES = 16;

/** An upload that is not taken. `status` is what the agent is answered. */
export class UploadRefused extends Error {
  override readonly name = "UploadRefused";
  constructor(
    readonly status: number,
    message: string,
  ) {
    super(message);
  }
}

/** An upload that is complete, and on disk. */
export interface ReceivedResult {
  path: string;
  bytes: number;
  /** What it begins with. */
  head: Buffer;
}

/**
 * Writes an upload's body to a new file in the folder for uploads that come in.
 *
 * @throws UploadRefused when it is too large, empty or cut short; then no file is left
 * @throws ProgramError when the folder can't be written
 */
export async function receiveResult(
  request: IncomingMessage,
  folder: string,
  maxBytes: number,
): Promise<ReceivedResult> {
  const declared = request.headers["content-length"];
  if (declared !== undefined && Number(declared) > maxBytes) throw tooLarge(maxBytes);
  const incoming = join(folder, INCOMING_FOLDER);
  const path = join(incoming, `${randomBytes(12).toString("hex")}.part`);
  try {
    makeFolder(incoming);
    return await writeBody(request, path, maxBytes);
  } catch (error) {
    await rm(path, { force: true }).catch(() => undefined);
    if (error instanceof UploadRefused) throw error;
    throw unwritable(folder, error);
  }
}

async function writeBody(request: IncomingMessage, path: string, maxBytes: number): Promise<ReceivedResult> {
  const file = await open(path, "wx");
  let bytes = 0;
  let head = Buffer.alloc(0);
  try {
    for await (const chunk of piecesOf(request)) {
      bytes += chunk.length;
      if (bytes > maxBytes) throw tooLarge(maxBytes);
      if (head.length < HEAD_BYTES) head = Buffer.concat([head, chunk.subarray(0, HEAD_BYTES - head.length)]);
      await file.writeFile(chunk);
    }
    if (bytes === 0) throw new UploadRefused(400, "the result is empty");
    await file.sync();
    return { path, bytes, head };
  } finally {
    await file.close();
  }
}

/** A request's body. What breaks it off is told apart from a file that can't be written. */
async function* piecesOf(request: IncomingMessage): AsyncGenerator<Buffer> {
  try {
    yield* request as AsyncIterable<Buffer>;
  } catch {
    throw new UploadRefused(400, "the upload was cut short");
  }
}

function tooLarge(maxBytes: number): UploadRefused {
  return new UploadRefused(413, `a result may have ${maxBytes} bytes at most`);
}
