import { expect, test } from "vitest";
import { WatchEventsRequest } from "../../../gen/mesosbridge/v1/observer.js";
import { eventFilter } from "../../../server/grpc/eventFilter.js";

const filter = (type: string) => eventFilter(WatchEventsRequest.fromPartial({ types: [type] }));

test.each(["UNKNOWN", "UNRECOGNIZED", "update", "4", ""])("'%s' is no type of events to watch", (type) => {
  const known =
    "SUBSCRIBED, OFFERS, INVERSE_OFFERS, RESCIND, RESCIND_INVERSE_OFFER, UPDATE, UPDATE_OPERATION_STATUS, MESSAGE, " +
    "FAILURE, ERROR, HEARTBEAT";
  expect(() => filter(type)).toThrow(`types[0] '${type}' is not an event type: use ${known}`);
});

test("'UPDATE' lets updates through, and no other events", () => {
  const isWatched = filter("UPDATE");
  const observed = (type: number) => {
    const body = { kind: "mesos" as const, type, bytes: Buffer.alloc(0), taskId: "", agentId: "" };
    const event = { sequence: 1, receiveTimeMs: 0, ackToken: "", fragment: false, body };
    return isWatched({ kind: "event", frameworkName: "f", event });
  };
  expect([observed(4), observed(2)]).toEqual([true, false]);
});
