import { APP0, APP14, isNamed, type JpegFile } from "./jpegFile.js";

/** How many columns and rows of pixels share one colour: 2 and 1 in 4:2:2, 2 and 2 in 4:2:0. Of two chroma components the finer one. */
export function colourStep(file: JpegFile): { columns: number; rows: number } {
  const { components } = file.frame;
  if (components.length < 3 || isRgb(file)) return { columns: 1, rows: 1 };
  const samplings = components.map(({ sampling }) => ({ columns: sampling >> 4 || 1, rows: sampling & 15 || 1 }));
  const most = (side: "columns" | "rows") => Math.max(...samplings.map((sampling) => sampling[side]));
  const chroma = samplings.slice(1, 3);
  const step = (side: "columns" | "rows") => most(side) / Math.max(...chroma.map((sampling) => sampling[side]));
  return { columns: step("columns"), rows: step("rows") };
}

/** As decoders find out: JFIF has no RGB, Adobe's segment tells, and else the names of the components. */
function isRgb(file: JpegFile): boolean {
  const { segments, data, frame } = file;
  if (segments.some((segment) => isNamed(file, segment, APP0, "JFIF\0"))) return false;
  const adobe = segments.find((segment) => isNamed(file, segment, APP14, "Adobe"));
  if (adobe) return data[adobe.from + 15] === 0;
  return frame.components.map(({ id }) => String.fromCharCode(id)).join("") === "RGB";
}
