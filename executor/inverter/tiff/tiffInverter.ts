import type { Sharp } from "sharp";
import { invertCmyk } from "../cmyk.js";
import type { FormatInverter } from "../formatInverter.js";
import { invertTiff, readTiff } from "./invertTiff.js";
import { tiffPicture } from "./tiffPicture.js";

export const tiffInverter: FormatInverter = {
  picture: (data) => tiffPicture(data),
  invert: (input, { open, maxPixels, turns }) => {
    // Warnings are about tags, as a rule: these stay as they are, and are not read.
    const openPage = (page: number, data = input) => open(data, { page, pages: 1, failOn: "error" });
    return invertTiff(readTiff(input), {
      maxPixels,
      turns,
      open: openPage,
      anew: async (page, options) => {
        const encode = (image: Sharp) => image.tiff(options);
        const metadata = await openPage(page).metadata();
        if (metadata.space === "cmyk") {
          const openCmyk = (data: Buffer) => (data === input ? openPage(page) : open(data));
          return await invertCmyk(input, openCmyk, metadata, encode);
        }
        // The space is named so that sharp leaves the samples as they are: grey stays grey.
        const image = openPage(page).keepIccProfile().toColourspace(metadata.space).negate({ alpha: false });
        return await encode(image).toBuffer();
      },
    });
  },
};
