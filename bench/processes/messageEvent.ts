import { Event, Event_Type } from "../../gen/mesos/v1/scheduler/scheduler.js";

/** A MESSAGE of Mesos, serialized, of about so many bytes. */
export function messageEvent(bytes: number): Uint8Array {
  const event = Event.fromPartial({
    type: Event_Type.MESSAGE,
    message: {
      agentId: { value: "agent" },
      executorId: { value: "executor" },
      data: Buffer.alloc(Math.max(0, bytes - 30), 7),
    },
  });
  return Event.encode(event).finish();
}
