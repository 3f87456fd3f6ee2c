import { JSON_TYPE, type MediaType, PROTOBUF_TYPE } from "../codec/messages.js";

/**
 * The media type to answer in: JSON whenever the Accept header allows it, whatever its order, then protobuf.
 * Undefined when it allows neither. No header allows all, an empty one nothing.
 */
export function acceptedMediaType(accept: string | undefined): MediaType | undefined {
  if (accepts(accept, JSON_TYPE)) return JSON_TYPE;
  return accepts(accept, PROTOBUF_TYPE) ? PROTOBUF_TYPE : undefined;
}

function accepts(accept: string | undefined, mediaType: MediaType): boolean {
  if (accept === undefined) return true;
  const ranges = accept.toLowerCase().split(",").map(parseRange);
  const [family] = mediaType.split("/");
  // A type that is refused by name stays refused, however wide the other ranges are.
  if (ranges.some((range) => range.name === mediaType && range.quality === 0)) return false;
  return ranges.some(
    (range) => range.quality > 0 && (range.name === mediaType || range.name === `${family}/*` || range.name === "*/*"),
  );
}

function parseRange(text: string): { name: string; quality: number } {
  const [name = "", ...parameters] = text.split(";").map((part) => part.trim());
  const quality = parameters.find((parameter) => parameter.startsWith("q="));
  return { name, quality: quality === undefined ? 1 : Number(quality.slice(2)) };
}
