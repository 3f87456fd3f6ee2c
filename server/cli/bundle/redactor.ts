import { readFile } from "node:fs/promises";
import { Secrets } from "../../../wire/secrets.js";
import { noAuthentication } from "../../mesos/link/authentication.js";
import { silentLog } from "../doctor/quietLogs.js";
import { openPrincipals } from "../principals.js";

/** What looks like a secret, whoever wrote it: what stands before it is kept. */
const PATTERNS: readonly (readonly [RegExp, string])[] = [
  [/-----BEGIN ([A-Z ]{0,40})PRIVATE KEY-----.*?(-----END [A-Z ]{0,40}PRIVATE KEY-----|$)/gs, "***"],
  [/\b(basic|bearer)(\s{1,4})[\w.~+/=-]{6,}/gi, "$1$2***"],
  [/([a-z][a-z0-9+.-]{0,20}:\/\/)[^\s/@"'\\]{1,500}@/gi, "$1***@"],
  [/\b((?:password|passwd|secret|token|api[_-]?key)["']?\s{0,4}[=:]\s{0,4}["']?)[^\s"',}]{4,}/gi, "$1***"],
  // A JSON Web Token.
  [/\beyJ[\w-]{8,}\.[\w-]{4,}\.[\w-]{0,}/g, "***"],
];

/** Takes secrets out of all that gets into a bundle: those that options name, and what looks like one. */
export class Redactor {
  readonly #known: Secrets[] = [];

  /** A file with a secret or a token. One that can't be read has nothing that could be shown. */
  async rememberFile(path: string | undefined, principal = ""): Promise<void> {
    const secret = path === undefined ? "" : await readFile(path, "utf8").catch(() => "");
    if (secret.trim() !== "") this.#rememberCredentials(principal, secret.trim());
  }

  /** The secrets that the file of --framework-principals names or holds. */
  async rememberPrincipals(path: string | undefined): Promise<void> {
    const principals = await openPrincipals(path, noAuthentication, silentLog).catch(() => undefined);
    for (const { secrets } of principals?.book?.credentials.values() ?? []) this.#known.push(secrets);
    principals?.close();
  }

  /** `user:password`, as it stands in a URL. */
  rememberUser(userInfo: string): void {
    const at = userInfo.indexOf(":");
    this.#rememberCredentials(userInfo.slice(0, at), userInfo.slice(at + 1));
  }

  redact(text: string): string {
    const shaped = PATTERNS.reduce((rest, [pattern, instead]) => rest.replace(pattern, instead), text);
    return this.#known.reduce((rest, secrets) => secrets.redact(rest), shaped);
  }

  #rememberCredentials(user: string, secret: string): void {
    const both = `${user}:${secret}`;
    const secrets = new Secrets();
    secrets.remember(secret, both, Buffer.from(both).toString("base64").replace(/=+$/, ""));
    this.#known.push(secrets);
  }
}
