/** One image to invert. */
export interface Input extends NamedInput {
  /** For people: the name, with folders before it where others have the same one: `cats/chelsea.png`. */
  label: string;
}

/** An input as it is found, before others are known. */
export interface NamedInput {
  /** The file's real path, or the URL: the same image named twice has the same one. */
  key: string;
  kind: "file" | "url";
  /** For the result's name: `chelsea.png`. May hold anything that a file name can. */
  name: string;
  /** Of a file; both show whether it is still the one that was inverted. */
  size?: number;
  mtimeMs?: number;
}
