import { Attachment as AttachmentMessage, ListAttachmentsResponse } from "../../gen/mesosbridge/v1/admin.js";
import type { Session } from "../session/session.js";
import type { SessionManager } from "../session/sessionManager.js";
import { type PageRequest, pageOf } from "./paging.js";

/** An attachment in a list. A session has one at most. */
interface Entry {
  readonly frameworkName: string;
  readonly message: AttachmentMessage;
}

/** A page of the attachments of one framework or, for the empty name, of all that the caller may see. */
export function attachmentPage(
  sessions: SessionManager,
  request: PageRequest & { readonly frameworkName: string },
  isVisible: (frameworkName: string) => boolean,
): Buffer {
  const { frameworkName } = request;
  const only = frameworkName === "" ? undefined : [sessions.get(frameworkName)];
  const { items, nextPageToken } = pageOf(
    (after) => entriesAfter(after, only ?? sessions.sessionsFrom(after ?? ""), isVisible),
    (entry) => entry.frameworkName,
    request,
  );
  const attachments = items.map(({ message }) => message);
  return Buffer.from(ListAttachmentsResponse.encode({ attachments, nextPageToken }).finish());
}

function* entriesAfter(
  after: string | undefined,
  sessions: Iterable<Session>,
  isVisible: (frameworkName: string) => boolean,
): Generator<Entry> {
  for (const session of sessions) {
    const { frameworkName, attachment, state } = session;
    if (!attachment || !isVisible(frameworkName)) continue;
    if (after !== undefined && frameworkName <= after) continue;
    const { identity, peer, sinceMs } = attachment.client;
    const message = {
      frameworkName,
      frameworkId: { value: state.record.frameworkId },
      attachmentId: attachment.id,
      identity,
      peer,
      attachTime: new Date(sinceMs),
    };
    yield { frameworkName, message: AttachmentMessage.fromPartial(message) };
  }
}
