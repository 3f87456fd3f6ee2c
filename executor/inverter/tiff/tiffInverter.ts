import type { Sharp } from "sharp";
import { invertCmyk } from "../cmyk.js";
import type { FormatInverter, InvertWork } from "../formatInverter.js";
import { invertTiff, readTiff, type Tiff } from "./invertTiff.js";
import { tiffPicture } from "./tiffPicture.js";

export const tiffInverter: FormatInverter = {
  read: (data) => {
    const tiff = readTiff(data);
    return { picture: tiffPicture(tiff), invert: (work) => invertPages(tiff, work) };
  },
};

async function invertPages(tiff: Tiff, { open, maxPixels, turns }: InvertWork): Promise<Buffer> {
  // A decoder only warns of JPEG and fax data that are damaged, and makes up the pixels.
  const openPage = (file: Buffer, page: number) => open(file, { page, pages: 1, failOn: "warning" });
  return await invertTiff(tiff, {
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
}
