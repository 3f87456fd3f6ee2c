import { describe, expect, it } from "vitest";
import { explainFailure } from "../../../executor/inverter/explainFailure.js";
import { ImageError } from "../../../executor/inverter/imageError.js";

const limits = { maxPixels: 2_500_000, timeoutMs: 1_500 };
const explained = (message: string) => String((explainFailure(new Error(message), limits) as Error).message);

describe("what libvips says in several lines", () => {
  it.each([
    [
      "Warning treated as error due to failOn setting\nTag 270 has no end\nerror in tile 0 x 0",
      "broken image: Tag 270 has no end",
    ],
    [
      "source: bad seek to 1024\nsource: bad seek to 512\nheif: Corrupt frame detected",
      "broken image: heif: Corrupt frame detected",
    ],
    ["tiff2vips: read error\ntiff2vips: Not enough data", "broken image: tiff2vips: Not enough data"],
    ["Input buffer has corrupt header: webp: unable to parse image", "broken image: webp: unable to parse image"],
    [
      "VipsJpeg: premature end of JPEG image\nVipsJpeg: out of order",
      "broken image: VipsJpeg: premature end of JPEG image",
    ],
    ["tiff2vips: read error", "broken image: tiff2vips: read error"],
    ["", "broken image: unknown reason"],
  ])("becomes the line that tells the cause: %j", (message, expected) => {
    expect(explained(message)).toBe(expected);
  });

  it.each([
    "tiff2vips: Compression scheme 50002 strip decoding is not implemented\ntiff2vips: read error",
    "tiff2vips: LERC compression support is not configured",
    "heif: Unsupported feature: Unsupported codec (4.3000)",
    "VipsJpeg: Unsupported JPEG process: SOF type 0xc5",
  ])("does not call broken what is only not supported: %j", (message) => {
    expect(explained(message)).toMatch(/^is of a kind that is not supported: /);
  });

  it("is a limit where it is one", () => {
    expect(explained("Input image exceeds pixel limit")).toBe("is over the limit of 2.5 megapixels");
    expect(explained("timeout: 40% complete")).toBe("takes longer than 2 s to invert");
  });

  it("stays what it is where it is ours", () => {
    const error = new ImageError("has 12 bits");
    expect(explainFailure(error, limits)).toBe(error);
  });
});
