import {
  WatchEventsResponseFields,
  WatchLaunchesResponseFields,
  WatchOffersResponseFields,
  WatchStatusUpdatesResponseFields,
} from "../../gen/mesosbridge/v1/observer.fields.js";
import {
  LaunchOutcome as LaunchOutcomeCode,
  OfferChange as OfferChangeCode,
} from "../../gen/mesosbridge/v1/observer.js";
import { Progress } from "../../gen/mesosbridge/v1/scheduler.js";
import { lengthDelimited, stringField, varintField } from "../../wire/proto.js";
import { idMessage } from "../mesos/messages/calls.js";
import type { LaunchOutcome, Observation, OfferChange } from "../session/observerHub.js";
import { encodeEvents } from "./encodeEvents.js";
import { timestampBytes } from "./timestamp.js";

const OFFERS = WatchOffersResponseFields;
const LAUNCHES = WatchLaunchesResponseFields;
const EVENTS = WatchEventsResponseFields;

type Of<Kind extends Observation["kind"]> = Extract<Observation, { kind: Kind }>;

const OFFER_CHANGES: Record<OfferChange, OfferChangeCode> = {
  opened: OfferChangeCode.OFFER_CHANGE_OPENED,
  rescinded: OfferChangeCode.OFFER_CHANGE_RESCINDED,
  accepted: OfferChangeCode.OFFER_CHANGE_ACCEPTED,
  declined: OfferChangeCode.OFFER_CHANGE_DECLINED,
  lost: OfferChangeCode.OFFER_CHANGE_LOST,
};

const LAUNCH_OUTCOMES: Record<LaunchOutcome, LaunchOutcomeCode> = {
  sent: LaunchOutcomeCode.LAUNCH_OUTCOME_SENT,
  accepted: LaunchOutcomeCode.LAUNCH_OUTCOME_ACCEPTED,
  refused: LaunchOutcomeCode.LAUNCH_OUTCOME_REFUSED,
  unknown: LaunchOutcomeCode.LAUNCH_OUTCOME_UNKNOWN,
};

/** The serialized `Watch...Response` of every kind that says: what was there before has been told. */
export const SNAPSHOT_END = lengthDelimited(
  WatchOffersResponseFields.progress,
  Progress.encode({ snapshotEnd: true }).finish(),
);

/** However many observers there are, an observation is serialized once. */
const encoded = new WeakMap<Observation, Buffer>();

/** The serialized `Watch...Response` that reports an observation. */
export function encodeObservation(observation: Observation): Buffer {
  const known = encoded.get(observation);
  if (known) return known;
  const message = encode(observation);
  encoded.set(observation, message);
  return message;
}

function encode(observation: Observation): Buffer {
  switch (observation.kind) {
    case "offers":
      return encodeOffers(observation);
    case "launch":
      return encodeLaunch(observation);
    case "update":
      return Buffer.concat([
        head(observation),
        lengthDelimited(WatchStatusUpdatesResponseFields.status, observation.status),
      ]);
    case "event":
      return Buffer.concat([
        stringField(EVENTS.frameworkName, observation.frameworkName),
        encodeEvents([observation.event], EVENTS.event, false),
      ]);
  }
}

function encodeOffers(observation: Of<"offers">): Buffer {
  return Buffer.concat([
    head(observation),
    varintField(OFFERS.change, OFFER_CHANGES[observation.change]),
    ...observation.offers.map((offer) => lengthDelimited(OFFERS.offers, offer)),
    ...observation.offerIds.map((id) => lengthDelimited(OFFERS.offerIds, idMessage(id))),
  ]);
}

function encodeLaunch(observation: Of<"launch">): Buffer {
  return Buffer.concat([
    head(observation),
    varintField(LAUNCHES.outcome, LAUNCH_OUTCOMES[observation.outcome]),
    ...observation.offerIds.map((id) => lengthDelimited(LAUNCHES.offerIds, idMessage(id))),
    ...observation.tasks.map((task) => lengthDelimited(LAUNCHES.tasks, task)),
    stringField(LAUNCHES.message, observation.message),
  ]);
}

/** Framework name and time, which have the same numbers in every response. */
function head({ frameworkName, timeMs }: { readonly frameworkName: string; readonly timeMs: number }): Buffer {
  return Buffer.concat([
    stringField(OFFERS.frameworkName, frameworkName),
    lengthDelimited(OFFERS.time, timestampBytes(timeMs)),
  ]);
}
