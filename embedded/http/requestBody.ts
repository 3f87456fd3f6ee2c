import {
  BodyError,
  decodeMessage,
  JSON_TYPE,
  type MediaType,
  type MessageType,
  PROTOBUF_TYPE,
} from "../codec/messages.js";
import { type Answer, type Request, refuseUnlessPost, textAnswer } from "./answer.js";

/** The call in the body of a POST and the media type it came in, or the refusal that Mesos answers. */
export function readCall<T extends object>(
  request: Request,
  type: MessageType<T>,
): { call: T; mediaType: MediaType } | { refusal: Answer } {
  const wrongMethod = refuseUnlessPost(request);
  if (wrongMethod) return { refusal: wrongMethod };
  const contentType = request.headers["content-type"];
  if (contentType === undefined) return { refusal: textAnswer(400, "Expecting 'Content-Type' to be present") };
  // Compared to the letter: parameters or capitals are refused.
  if (contentType !== JSON_TYPE && contentType !== PROTOBUF_TYPE) {
    return { refusal: textAnswer(415, `Expecting 'Content-Type' of ${JSON_TYPE} or ${PROTOBUF_TYPE}`) };
  }
  try {
    return { call: decodeMessage(type, request.body, contentType), mediaType: contentType };
  } catch (error) {
    if (error instanceof BodyError) return { refusal: textAnswer(400, error.message) };
    throw error;
  }
}

export function notAcceptable(): Answer {
  return textAnswer(406, `Expecting 'Accept' to allow '${PROTOBUF_TYPE}' or '${JSON_TYPE}'`);
}
