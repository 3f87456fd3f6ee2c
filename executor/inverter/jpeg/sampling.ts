import { APP0, APP14, chromaStep } from "../jpegMarkers.js";
import type { ColourStep } from "../picture.js";
import { isNamed, type JpegFile } from "./jpegFile.js";

/** How many columns and rows of pixels share one colour. */
export function colourStep(file: JpegFile): ColourStep {
  return isRgb(file) ? { columns: 1, rows: 1 } : chromaStep(file.frame.components);
}

/** As decoders find out: JFIF has no RGB, Adobe's segment tells, and else the names of the components. */
function isRgb(file: JpegFile): boolean {
  const { segments, data, frame } = file;
  if (segments.some((segment) => isNamed(file, segment, APP0, "JFIF\0"))) return false;
  const adobe = segments.find((segment) => isNamed(file, segment, APP14, "Adobe"));
  if (adobe) return data[adobe.from + 15] === 0;
  return frame.components.map(({ id }) => String.fromCharCode(id)).join("") === "RGB";
}
