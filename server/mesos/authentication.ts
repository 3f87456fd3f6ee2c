import { readFile, stat } from "node:fs/promises";

/** How the bridge proves to the master who it is. */
export interface Authentication {
  /** The `Authorization` header's value, or undefined to send none. Reads files again when they changed. */
  header(): Promise<string | undefined>;
  /** Calls `listener` with the header's new value within about a second after a file changed. Returns what ends that. */
  onChanged(listener: (header: string) => void): () => void;
  /** The principal, where the scheme names one: FrameworkInfo.principal has to equal it. */
  readonly principal: string | undefined;
}

export const noAuthentication: Authentication = {
  header: async () => undefined,
  onChanged: () => () => {},
  principal: undefined,
};

/** HTTP basic authentication, as Mesos's `--credentials` want it. */
export function basicAuthentication(principal: string, secretFile: string): Authentication {
  const file = new WatchedFile(secretFile);
  const header = (secret: string) => `Basic ${Buffer.from(`${principal}:${secret}`, "utf8").toString("base64")}`;
  return { principal, ...authenticationBy(file, header) };
}

/** A bearer token from a file, which may be replaced while the bridge runs. */
export function bearerAuthentication(tokenFile: string): Authentication {
  const file = new WatchedFile(tokenFile);
  return { principal: undefined, ...authenticationBy(file, (token) => `Bearer ${token}`) };
}

function authenticationBy(file: WatchedFile, header: (text: string) => string) {
  return {
    header: async () => header(await file.text()),
    onChanged: (listener: (header: string) => void) => file.onChanged((text) => listener(header(text))),
  };
}

const LOOK_MS = 500;

/** A small text file, read again when its modification time, size or inode changed. */
class WatchedFile {
  readonly #path: string;
  readonly #listeners = new Set<(text: string) => void>();
  #stamp = "";
  #text = "";
  #timer: NodeJS.Timeout | undefined;

  constructor(path: string) {
    this.#path = path;
  }

  /** Looks at the file every now and then, for as long as somebody listens. */
  onChanged(listener: (text: string) => void): () => void {
    this.#listeners.add(listener);
    this.#timer ??= setInterval(() => void this.text().catch(() => {}), LOOK_MS);
    return () => {
      this.#listeners.delete(listener);
      if (this.#listeners.size > 0) return;
      clearInterval(this.#timer);
      this.#timer = undefined;
    };
  }

  async text(): Promise<string> {
    const { mtimeNs, size, ino } = await stat(this.#path, { bigint: true });
    const stamp = `${mtimeNs} ${size} ${ino}`;
    if (stamp !== this.#stamp) {
      const text = oneLine(await readFile(this.#path, "utf8"), this.#path);
      const changed = text !== this.#text && this.#stamp !== "";
      this.#text = text;
      this.#stamp = stamp;
      if (changed) for (const listener of [...this.#listeners]) listener(text);
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
