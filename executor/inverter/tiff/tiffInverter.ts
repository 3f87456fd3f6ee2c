import type { Sharp } from "sharp";
import { invertCmyk } from "../cmyk.js";
import type { FormatInverter } from "../formatInverter.js";
import { invertTiff, readTiff } from "./invertTiff.js";
import { tiffPicture } from "./tiffPicture.js";

export const tiffInverter: FormatInverter = {
  picture: (data) => tiffPicture(data),
  invert: (input, { open, maxPixels, turns }) => {
    // A decoder only warns of JPEG and fax data that are damaged, and makes up the pixels.
    const openPage = (file: Buffer, page: number) => open(file, { page, pages: 1, failOn: "warning" });
    return invertTiff(readTiff(input), {
      maxPixels,
      turns,
      open: openPage,
      anew: async (file, page, options) => {
        const encode = (image: Sharp) => image.tiff(options);
        const metadata = await openPage(file, page).metadata();
        if (metadata.space === "cmyk") {
          const openCmyk = (data: Buffer) => (data === file ? openPage(file, page) : open(data));
          return await invertCmyk(file, openCmyk, metadata, encode);
        }
        // The space is named so that sharp leaves the samples as they are: grey stays grey.
        const image = openPage(file, page).keepIccProfile().toColourspace(metadata.space).negate({ alpha: false });
        return await encode(image).toBuffer();
      },
    });
  },
};
