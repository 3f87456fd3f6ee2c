import { APP0, APP2, APP14, type JpegSegment, SOS } from "../jpegMarkers.js";
import { isMetadata, isNamed, type JpegFile } from "./jpegFile.js";

/**
 * The same picture without what decoders warn of and that is in the way of nobody: metadata, parameters of scans that mean
 * nothing, a forgotten end. A decoder that still warns then has found damage. The scans stay as they are.
 */
export function withoutOddities(file: JpegFile): Buffer {
  const { data, segments, frame } = file;
  const parts: Buffer[] = [data.subarray(0, 2)];
  for (const [i, segment] of segments.entries()) {
    if (isMetadata(segment) && !tellsColours(file, segment)) continue;
    const bytes = Buffer.from(data.subarray(segment.from, segment.to));
    // Only the versions of JFIF that are known are silent.
    if (segment.marker === APP0 && bytes.length > 10) bytes.writeUInt16BE(0x0101, 9);
    if (segment.marker === SOS && isSequential(frame.marker)) bytes.set([0, 63, 0], bytes.length - 3);
    parts.push(bytes);
    if (segment.marker !== SOS) continue;
    // The data of the scan: up to the next marker.
    parts.push(data.subarray(segment.to, segments[i + 1]?.from ?? scanEnd(file)));
  }
  parts.push(Buffer.from([0xff, 0xd9]));
  return Buffer.concat(parts);
}

/** Without zeros that fill up a file whose end is missing: they would count as pixels where it was cut. */
function scanEnd({ data, end }: JpegFile): number {
  if (end !== undefined) return end - 2;
  let at = data.length;
  while (at > 0 && data[at - 1] === 0) at -= 1;
  // One may belong to the last pixels.
  return Math.min(data.length, at + 1);
}

function isSequential(marker: number): boolean {
  return marker === 0xc0 || marker === 0xc1 || marker === 0xc9;
}

/** JFIF and Adobe say which colours the components are, if their value is a known one; so does a profile. */
function tellsColours(file: JpegFile, segment: JpegSegment): boolean {
  if (isNamed(file, segment, APP0, "JFIF\0")) return segment.to - segment.from >= 18;
  if (isNamed(file, segment, APP2, "ICC_PROFILE\0")) return true;
  return isNamed(file, segment, APP14, "Adobe") && (file.data[segment.from + 15] ?? 255) <= 2;
}

/**
 * Whether the scans bring every bit of every coefficient. Tells a file without an end from one that was cut between two
 * scans, which a decoder shows coarse.
 */
export function hasAllScans({ data, segments, frame }: JpegFile): boolean {
  const progressive = frame.marker === 0xc2 || frame.marker === 0xca;
  // Of each component's coefficients, the lowest bit that has come.
  const bits = new Map(frame.components.map(({ id }) => [id, new Uint8Array(64).fill(255)]));
  for (const { marker, from, to } of segments) {
    if (marker !== SOS) continue;
    const count = data[from + 4] ?? 0;
    const [first, last, low] = progressive
      ? [data[to - 3] ?? 0, data[to - 2] ?? 0, (data[to - 1] ?? 0) & 15]
      : [0, 63, 0];
    for (let i = 0; i < count && from + 5 + i * 2 < to - 3; i++) {
      bits.get(data[from + 5 + i * 2] ?? 0)?.fill(low, first, Math.min(63, last) + 1);
    }
  }
  return [...bits.values()].every((component) => component.every((bit) => bit === 0));
}
