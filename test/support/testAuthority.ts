import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const OPENSSL = process.env.OPENSSL ?? "openssl";
const EC_KEY = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];

/** Files of a certificate and its key. */
export interface KeyPair {
  readonly cert: string;
  readonly key: string;
}

export interface Wanted {
  /** The common name. Empty: none. */
  readonly cn?: string;
  /** As OpenSSL writes them: `DNS:localhost,IP:127.0.0.1`. */
  readonly san?: string;
  /** A negative number makes one that has expired. */
  readonly days?: number;
  /** For the extended key usage, such as `serverAuth`. */
  readonly usage?: string;
}

/** An authority for tests, in a folder of its own. */
export class TestAuthority {
  readonly folder = mkdtempSync(join(tmpdir(), "mesos-bridge-ca-"));
  readonly cert = join(this.folder, "ca.pem");
  readonly #key = join(this.folder, "ca.key");
  #issued = 0;

  constructor(name = "an authority for tests") {
    this.#openssl(
      "req",
      "-x509",
      ...EC_KEY,
      "-keyout",
      this.#key,
      "-out",
      this.cert,
      "-days",
      "30",
      "-subj",
      `/CN=${name}`,
    );
  }

  /** Makes a certificate for this machine, or with the names that are wanted. */
  issue({ cn = "localhost", san = "DNS:localhost,IP:127.0.0.1", days = 30, usage }: Wanted = {}): KeyPair {
    const base = join(this.folder, `${++this.#issued}`);
    const [cert, key, request, extensions] = [".pem", ".key", ".csr", ".ext"].map((end) => base + end) as [
      string,
      string,
      string,
      string,
    ];
    const lines = [...(san === "" ? [] : [`subjectAltName=${san}`]), ...(usage ? [`extendedKeyUsage=${usage}`] : [])];
    writeFileSync(extensions, lines.map((line) => `${line}\n`).join(""));
    this.#openssl("req", ...EC_KEY, "-keyout", key, "-out", request, "-subj", cn === "" ? "/O=none" : `/CN=${cn}`);
    const signed = ["-CA", this.cert, "-CAkey", this.#key, "-CAcreateserial", "-extfile", extensions];
    this.#openssl("x509", "-req", "-in", request, "-out", cert, "-days", String(days), ...signed);
    return { cert, key };
  }

  /** The authority's certificate, as bytes. */
  get pem(): Buffer {
    return readFileSync(this.cert);
  }

  stop(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }

  #openssl(...args: string[]): void {
    execFileSync(OPENSSL, args, { stdio: ["ignore", "ignore", "pipe"] });
  }
}
