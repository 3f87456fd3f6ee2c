import { APP0, APP14, isNamed, type JpegFile } from "./jpegFile.js";

/** How many columns and rows of pixels share one colour: 2 and 1 in 4:2:2, 2 and 2 in 4:2:0. Of two chroma components the finer one. */
export function colourStep(file: JpegFile): { columns: number; rows: number } {
  const { components } = file.frame;
  if (components.length < 3 || isRgb(file)) return { columns: 1, rows: 1 };
  const finest = { columns: 1, rows: 1 };
  const finestChroma = { columns: 1, rows: 1 };
  for (const [i, { sampling }] of components.entries()) {
    grow(finest, sampling);
    if (i === 1 || i === 2) grow(finestChroma, sampling);
  }
  return { columns: finest.columns / finestChroma.columns, rows: finest.rows / finestChroma.rows };
}

function grow(most: { columns: number; rows: number }, sampling: number): void {
  most.columns = Math.max(most.columns, sampling >> 4);
  most.rows = Math.max(most.rows, sampling & 15);
}

/** As decoders find out: JFIF has no RGB, Adobe's segment tells, and else the names of the components. */
function isRgb(file: JpegFile): boolean {
  const { segments, data, frame } = file;
  if (segments.some((segment) => isNamed(file, segment, APP0, "JFIF\0"))) return false;
  const adobe = segments.find((segment) => isNamed(file, segment, APP14, "Adobe"));
  if (adobe) return data[adobe.from + 15] === 0;
  return frame.components.map(({ id }) => String.fromCharCode(id)).join("") === "RGB";
}
