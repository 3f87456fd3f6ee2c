/** The input can't be inverted, and never will be. The message says why, to the person whose image it is. */
export class ImageError extends Error {
  override readonly name = "ImageError";
}
