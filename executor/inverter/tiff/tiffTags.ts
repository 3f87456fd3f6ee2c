/** Tags of TIFF 6.0 and its supplements that describe how the samples are stored. */
export const TAG = {
  subfileType: 254,
  width: 256,
  height: 257,
  bits: 258,
  compression: 259,
  photometric: 262,
  fillOrder: 266,
  description: 270,
  stripOffsets: 273,
  samples: 277,
  rowsPerStrip: 278,
  stripBytes: 279,
  minSample: 280,
  maxSample: 281,
  planar: 284,
  t4Options: 292,
  t6Options: 293,
  predictor: 317,
  colourMap: 320,
  tileWidth: 322,
  tileHeight: 323,
  tileOffsets: 324,
  tileBytes: 325,
  inner: 330,
  inkSet: 332,
  extraSamples: 338,
  sampleFormat: 339,
  smallest: 340,
  largest: 341,
  jpegTables: 347,
  subsampling: 530,
  iccProfile: 34_675,
} as const;

/** Compressions that have a predictor. In all other ones the tag means nothing: decoders pass over it. */
export const PREDICTED: ReadonlySet<number> = new Set([5, 8, 32_946]);

/** For messages: what is known and can't be inverted. */
export const COMPRESSION_NAMES: ReadonlyMap<number, string> = new Map([
  [6, "JPEG of the old style"],
  [9, "JBIG"],
  [10, "JBIG"],
  [34_661, "JBIG"],
  [34_676, "SGI LogLuv"],
  [34_712, "JPEG 2000"],
  [34_887, "LERC"],
  [34_892, "lossy JPEG of a DNG"],
  [34_925, "LZMA"],
  [50_000, "Zstandard"],
  [50_002, "JPEG XL"],
  [52_546, "JPEG XL"],
]);
export const COLOUR_NAMES: ReadonlyMap<number, string> = new Map([
  [8, "CIE Lab"],
  [9, "ICC Lab"],
  [10, "ITU Lab"],
  [32_803, "a sensor's raw colours"],
  [32_844, "LogL"],
  [32_845, "LogLuv"],
  [34_892, "a sensor's raw colours"],
]);
export const SAMPLE_FORMATS: ReadonlyMap<number, string> = new Map([
  [2, "signed integer"],
  [3, "float"],
  [5, "complex integer"],
  [6, "complex float"],
]);
