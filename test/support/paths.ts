import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

/** The checkout under test. */
export const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))));

/** A path inside the checkout. */
export const at = (...parts: string[]): string => join(root, ...parts);
