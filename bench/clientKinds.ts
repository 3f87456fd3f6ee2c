import { LineChannel } from "./channel.js";
import { goProgram } from "./goProgram.js";
import type { Rig, Worker } from "./harness.js";

/** A client that figures are measured with. */
export interface ClientKind {
  /** As it is called in the name of a figure. */
  readonly name: string;
  /** Starts its process, which ends with the rig. */
  start(rig: Rig): Worker;
}

/** In Node. Counts events without decoding them. */
export const nodeClient: ClientKind = { name: "client", start: (rig) => rig.worker("client") };

/** In Go, with the generated stubs, decoding all events; none where there is no Go. */
export async function goClients(): Promise<readonly ClientKind[]> {
  return await goKind("client in Go", []);
}

/** In Go, counting events without decoding them; none where there is no Go. */
export async function goCounters(): Promise<readonly ClientKind[]> {
  return await goKind("counting client in Go", ["--count-only"]);
}

async function goKind(name: string, args: readonly string[]): Promise<readonly ClientKind[]> {
  const program = await goProgram("client");
  return program === undefined ? [] : [{ name, start: (rig) => rig.worker(new LineChannel(program, args)) }];
}
