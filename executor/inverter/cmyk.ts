import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Metadata, Sharp } from "sharp";

/**
 * Inverts a CMYK image as it looks: to RGB through its profile (or a common one where it has none), inverted
 * there, and back to CMYK through the same profile.
 *
 * @param open opens a buffer under the limits of the task
 * @param encode sets the output format
 */
export async function invertCmyk(
  input: Buffer,
  open: (data: Buffer) => Sharp,
  metadata: Metadata,
  encode: (image: Sharp) => Sharp,
): Promise<Buffer> {
  // The profile is not kept here: keeping it would make sharp ignore it. PNG carries the other metadata over.
  const rgb = await open(input).keepExif().keepXmp().negate({ alpha: false }).png({ compressionLevel: 0 }).toBuffer();
  const image = open(rgb).keepExif().keepXmp().toColourspace("cmyk");
  // A profile of other colours means nothing here. The caller keeps its bytes.
  if (!metadata.icc || !isOfCmyk(metadata.icc)) return await encode(image).toBuffer();
  // sharp takes an output profile from a file alone.
  const folder = await mkdtemp(join(tmpdir(), "inverter-"));
  try {
    const profile = join(folder, "input.icc");
    await writeFile(profile, metadata.icc);
    return await encode(image.withIccProfile(profile)).toBuffer();
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** As the profile's header says. */
function isOfCmyk(profile: Buffer): boolean {
  return profile.toString("latin1", 16, 20) === "CMYK";
}
