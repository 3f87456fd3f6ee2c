import { readFile, stat } from "node:fs/promises";

/** How the bridge proves to the master who it is. */
export interface Authentication {
  /** The `Authorization` header's value, or undefined to send none. Reads files again when they changed. */
  header(): Promise<string | undefined>;
  /** The principal, where the scheme names one: FrameworkInfo.principal has to equal it. */
  readonly principal: string | undefined;
}

export const noAuthentication: Authentication = { header: async () => undefined, principal: undefined };

/** HTTP basic authentication, as Mesos's `--credentials` want it. */
export function basicAuthentication(principal: string, secretFile: string): Authentication {
  const secret = new WatchedFile(secretFile);
  return {
    principal,
    header: async () => `Basic ${Buffer.from(`${principal}:${await secret.text()}`, "utf8").toString("base64")}`,
  };
}

/** A bearer token from a file, which may be replaced while the bridge runs. */
export function bearerAuthentication(tokenFile: string): Authentication {
  const token = new WatchedFile(tokenFile);
  return { principal: undefined, header: async () => `Bearer ${await token.text()}` };
}

/** A small text file, read again when its modification time, size or inode changed. */
class WatchedFile {
  readonly #path: string;
  #stamp = "";
  #text = "";

  constructor(path: string) {
    this.#path = path;
  }

  async text(): Promise<string> {
    const { mtimeNs, size, ino } = await stat(this.#path, { bigint: true });
    const stamp = `${mtimeNs} ${size} ${ino}`;
    if (stamp !== this.#stamp) {
      this.#text = oneLine(await readFile(this.#path, "utf8"), this.#path);
      this.#stamp = stamp;
    }
    return this.#text;
  }
}

function oneLine(content: string, path: string): string {
  const text = content.trim();
  if (text === "") throw new Error(`${path} is empty`);
  if (/[\r\n]/.test(text)) throw new Error(`${path} holds more than one line`);
  return text;
}
