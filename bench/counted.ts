import type { Rig, Worker } from "./harness.js";

/** How events came to a client. */
export interface Counted {
  /** From the flood's beginning to the last event. */
  readonly seconds: number;
  readonly messages: number;
  /** Processor time of the client; no number for one that does not tell. */
  readonly processorSeconds: number;
}

/** Has so many events sent to a client, by whoever does that, and waits for them. */
export async function counted(client: Worker, count: number, flood: () => void): Promise<Counted> {
  client.tell("count", count);
  await client.next("counting");
  flood();
  const { seconds, messages, processorSeconds } = await client.next("counted");
  return { seconds: Number(seconds), messages: Number(messages), processorSeconds: Number(processorSeconds) };
}

/** Has the rig's master flood so many events, of so many bytes each, to the client that attached last. */
export async function relayed(rig: Rig, client: Worker, count: number, bytes: number): Promise<Counted> {
  rig.master.tell("prepare", { kind: "messages", count, bytes });
  await rig.master.next("prepared");
  return counted(client, count, () => rig.master.tell("flood"));
}
