import { createLocalJWKSet, type LocalJWKSet } from "jose";

const MAX_KEYS = 100;

/** The public keys of an issuer of tokens. */
export interface KeySet {
  readonly resolve: LocalJWKSet;
  /** What they were read from. */
  readonly text: string;
}

/** Where an issuer's keys come from. */
export interface KeySource {
  /** As far as they are fresh enough. The same object for as long as they are the same. */
  keys(): KeySet | undefined;
  /** Looks for newer ones, unless it did so a moment ago. False if they can't be read now. */
  refresh(): Promise<boolean>;
}

/** The keys of a file that is watched. */
export class FileKeys implements KeySource {
  readonly #file: { readonly value: KeySet };

  constructor(file: { readonly value: KeySet }) {
    this.#file = file;
  }

  keys(): KeySet {
    return this.#file.value;
  }

  async refresh(): Promise<boolean> {
    return true;
  }
}

/** Reads a JSON Web Key Set. @throws Error that says what is wrong with it */
export function keySetFrom(text: string): KeySet {
  if (text.trim() === "") throw new Error("is empty: it must hold a JSON Web Key Set");
  const keys = publicKeys(parsed(text));
  if (keys.length === 0) throw new Error("holds no public key for signatures");
  try {
    return { resolve: createLocalJWKSet({ keys }), text };
  } catch {
    throw new Error("is not a JSON Web Key Set");
  }
}

type Key = { readonly kty: string } & Record<string, unknown>;

/** @throws Error for keys that were never meant to be public */
function publicKeys(keys: readonly unknown[]): Key[] {
  if (keys.length > MAX_KEYS) throw new Error(`holds more than ${MAX_KEYS} keys`);
  const known = keys.filter(isKey);
  // With a symmetric key whoever can check a token can make one.
  if (known.some((key) => "d" in key || key.kty === "oct")) {
    throw new Error("holds a private or symmetric key: use a set of public keys only");
  }
  return known;
}

function isKey(value: unknown): value is Key {
  return typeof value === "object" && value !== null && "kty" in value && typeof value.kty === "string";
}

function parsed(text: string): readonly unknown[] {
  let set: unknown;
  try {
    set = JSON.parse(text);
  } catch {
    throw new Error("is not JSON");
  }
  const keys: unknown = typeof set === "object" && set !== null && "keys" in set ? set.keys : undefined;
  if (!Array.isArray(keys)) throw new Error("is not a JSON Web Key Set: it has no array 'keys'");
  return keys;
}
