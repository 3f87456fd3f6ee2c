import type { ExecutorArchive } from "../../../executor/archive.js";
import { type ProgramError, UsageError } from "../library/program.js";
import type { Batch } from "./batch.js";
import { reason } from "./fileReason.js";
import { FileServer } from "./fileServer.js";
import type { Ledger } from "./ledger.js";
import { advertisedHost, type InvertOptions } from "./options.js";
import { newToken } from "./plan.js";

const MIB = 1024 * 1024;

export interface ServeOptions {
  options: InvertOptions;
  frameworkName: string;
  batch: Batch;
  archive: ExecutorArchive;
  ledger: Ledger;
  note: (line: string) => void;
  /** A result could not be written. */
  onUnwritable: (error: ProgramError) => void;
}

/**
 * Serves the agents where the process before did, if that can be: what still runs puts its results there. Where that
 * is, the ledger knows before it returns.
 *
 * @throws UsageError when it can't listen at the address or the port that was asked for
 */
export async function serveBatch({
  options,
  frameworkName,
  batch,
  archive,
  ledger,
  note,
  onUnwritable,
}: ServeOptions): Promise<FileServer> {
  const { serveHost, servePort, output, maxResultMb } = options;
  const before = ledger.run;
  const archiveToken = before?.archiveToken ?? newToken();
  const start = (port: number) =>
    FileServer.start({
      bindHost: serveHost,
      port,
      advertisedHost: advertisedHost(options),
      archive: { ...archive, token: archiveToken },
      folder: output,
      maxResultBytes: Math.ceil(maxResultMb * MIB),
      findImage: (id) => {
        const image = batch.find(id);
        if (image === undefined) return undefined;
        const inputPath = image.kind === "file" ? image.key : undefined;
        return { token: image.token, inputPath, hasResult: image.result !== undefined };
      },
      onResult: (id, result) => batch.onResult(id, result),
      onUnwritable,
    });
  const server = await startSomewhere(start, servePort, before?.port ?? 0, note);
  ledger.saveRun({
    version: 1,
    frameworkName,
    bindHost: serveHost,
    port: server.port,
    advertisedHost: advertisedHost(options),
    archiveToken,
    frameworkOpen: true,
  });
  return server;
}

/** Starts at the port that was asked for; else at that of the process before; else, when that is taken, at any. */
async function startSomewhere(
  start: (port: number) => Promise<FileServer>,
  asked: number,
  before: number,
  note: (line: string) => void,
): Promise<FileServer> {
  try {
    return await start(asked || before);
  } catch (error) {
    if (asked !== 0 || before === 0) {
      throw new UsageError(`--serve-host, --serve-port: can't listen there: ${reason(error)}`);
    }
    note(`port ${before} is taken by another program: what still runs is launched again`);
    return await start(0);
  }
}
