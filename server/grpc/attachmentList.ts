import { Attachment as AttachmentMessage, ListAttachmentsResponse } from "../../gen/mesosbridge/v1/admin.js";
import type { Attachment } from "../session/attachment.js";
import type { Session } from "../session/session.js";
import type { SessionManager } from "../session/sessionManager.js";
import { attachmentRoleCode } from "./encodeEvents.js";
import { type PageRequest, pageOf } from "./paging.js";

/** An attachment in a list. */
interface Entry {
  /** Orders entries by their framework's name, then by their id: no name holds a control character. */
  readonly key: string;
  readonly session: Session;
  readonly attachment: Attachment;
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
    (after) => entriesAfter(after, only ?? sessions.sessionsFrom(after?.split("\n", 1)[0] ?? ""), isVisible),
    ({ key }) => key,
    request,
  );
  const attachments = items.map(messageOf);
  return Buffer.from(ListAttachmentsResponse.encode({ attachments, nextPageToken }).finish());
}

function* entriesAfter(
  after: string | undefined,
  sessions: Iterable<Session>,
  isVisible: (frameworkName: string) => boolean,
): Generator<Entry> {
  for (const session of sessions) {
    if (!isVisible(session.frameworkName)) continue;
    for (const entry of entriesOf(session)) if (after === undefined || entry.key > after) yield entry;
  }
}

function entriesOf(session: Session): Entry[] {
  const { active, standbys } = session.clients;
  const entryOf = (attachment: Attachment) => ({
    key: `${session.frameworkName}\n${attachment.id}`,
    session,
    attachment,
  });
  const entries = (active ? [active, ...standbys] : standbys).map(entryOf);
  return entries.sort((one, other) => (one.key < other.key ? -1 : 1));
}

function messageOf({ session, attachment }: Entry): AttachmentMessage {
  const { frameworkName, state } = session;
  const { identity, peer, sinceMs } = attachment.client;
  return AttachmentMessage.fromPartial({
    frameworkName,
    frameworkId: { value: state.record.frameworkId },
    attachmentId: attachment.id,
    identity,
    peer,
    attachTime: new Date(sinceMs),
    role: attachmentRoleCode(attachment.active ? "active" : "standby"),
  });
}
