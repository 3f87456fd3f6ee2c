import {
  ListOffersResponseFields,
  ListTasksResponseFields,
  OpenOfferFields,
} from "../../gen/mesosbridge/v1/observer.fields.js";
import {
  ListFrameworksRequest,
  ListFrameworksResponse,
  ListOffersRequest,
  ListTasksRequest,
} from "../../gen/mesosbridge/v1/observer.js";
import { lengthDelimited, messageField, stringField } from "../../wire/proto.js";
import type { Session } from "../session/session.js";
import type { KnownFramework, SessionManager } from "../session/sessionManager.js";
import { decodeRequest } from "./decodeRequest.js";
import { frameworkOf, stagingStatus, taskFields } from "./observerViews.js";
import { type PageRequest, pageOf } from "./paging.js";

/** An offer or a task in a list. */
interface Entry {
  readonly frameworkName: string;
  readonly id: string;
  /** Serialized, as a field of the response. */
  readonly bytes: Buffer;
}

/** What sessions have and clients list. */
interface Kind {
  count(session: Session): number;
  /** The entries after an id, or all of them, in the order of their ids. */
  entries(session: Session, after: string | undefined): Iterable<Entry>;
}

/** From a serialized request to its serialized response. What a page costs depends on what is in it, not on how much there is to list. */
export interface Listings {
  listFrameworks(request: Buffer, visible: Visible): Buffer;
  listOffers(request: Buffer, visible: Visible): Buffer;
  listTasks(request: Buffer, visible: Visible): Buffer;
}

/** Which frameworks a caller sees. */
export type Visible = (frameworkName: string) => boolean;

export function listings(sessions: SessionManager): Listings {
  /** A page of the entries of one framework, or of all frameworks in the order of their names. */
  const entryPage = (
    request: PageRequest & { readonly frameworkName: string },
    visible: Visible,
    kind: Kind,
  ): Buffer => {
    const only = request.frameworkName === "" ? undefined : [sessions.get(request.frameworkName)];
    const { items, nextPageToken } = pageOf(
      (key) => {
        const place = placeOf(key ?? "");
        const shown = only ?? visibleOf(sessions.sessionsFrom(place.frameworkName), frameworkNameOf, visible);
        return entriesAfter(place, shown, kind);
      },
      keyOf,
      request,
      ({ bytes }) => bytes.length,
    );
    return Buffer.concat([
      ...items.map(({ bytes }) => bytes),
      stringField(ListOffersResponseFields.nextPageToken, nextPageToken),
    ]);
  };

  return {
    listFrameworks(bytes, visible) {
      const nameOf = ({ record }: KnownFramework) => record.frameworkName;
      const { items, nextPageToken } = pageOf(
        (name) => visibleOf(sessions.frameworksAfter(name), nameOf, visible),
        nameOf,
        decodeRequest(ListFrameworksRequest, bytes),
      );
      return Buffer.from(ListFrameworksResponse.encode({ frameworks: items.map(frameworkOf), nextPageToken }).finish());
    },
    listOffers: (bytes, visible) => entryPage(decodeRequest(ListOffersRequest, bytes), visible, offers),
    listTasks: (bytes, visible) => entryPage(decodeRequest(ListTasksRequest, bytes), visible, tasks),
  };
}

const frameworkNameOf = ({ frameworkName }: Session) => frameworkName;

function* visibleOf<T>(all: Iterable<T>, nameOf: (each: T) => string, visible: Visible): Generator<T> {
  for (const each of all) if (visible(nameOf(each))) yield each;
}

/** Where a list continues: after an entry of a framework, or with its first one. */
interface Place {
  readonly frameworkName: string;
  readonly id: string | undefined;
}

/** Orders entries by their framework's name, then by their id: no name holds a control character. */
function keyOf({ frameworkName, id }: Entry): string {
  return `${frameworkName}\n${id}`;
}

function placeOf(key: string): Place {
  const end = key.indexOf("\n");
  return end < 0 ? { frameworkName: key, id: undefined } : { frameworkName: key.slice(0, end), id: key.slice(end + 1) };
}

/** The entries after a place, of sessions in the order of their names. */
function* entriesAfter(place: Place, sessions: Iterable<Session>, kind: Kind): Generator<Entry> {
  for (const session of sessions) {
    // Most of thousands of sessions may have nothing: this is all that they cost.
    if (kind.count(session) === 0) continue;
    const { frameworkName } = session;
    if (frameworkName === place.frameworkName) yield* kind.entries(session, place.id);
    else if (frameworkName > place.frameworkName) yield* kind.entries(session, undefined);
  }
}

const offers: Kind = {
  count: ({ state }) => state.offers.size,
  *entries({ frameworkName, state }, after) {
    for (const { id, bytes } of state.offers.after(after)) {
      const fields = [
        stringField(OpenOfferFields.frameworkName, frameworkName),
        lengthDelimited(OpenOfferFields.offer, bytes),
      ];
      yield { frameworkName, id, bytes: messageField(ListOffersResponseFields.offers, fields) };
    }
  },
};

const tasks: Kind = {
  count: ({ state }) => state.tasks.size,
  *entries({ frameworkName, state }, after) {
    for (const task of state.tasks.after(after)) {
      const fields = taskFields({ frameworkName, task, status: task.status ?? stagingStatus(task) });
      yield { frameworkName, id: task.taskId, bytes: messageField(ListTasksResponseFields.tasks, fields) };
    }
  },
};
