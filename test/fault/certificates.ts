import { execFile } from "node:child_process";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";

const run = promisify(execFile);

export interface Authority {
  /** The file of its certificate, in PEM. */
  readonly file: string;
  /** A certificate of it for a name or address, as `IP:127.0.0.1` or `DNS:localhost`. */
  issue(subjectAltName: string): Promise<{ key: string; cert: string }>;
}

/** Makes an own certificate authority in a directory. @throws Error if there is no openssl. */
export async function makeAuthority(directory: string, name: string): Promise<Authority> {
  const path = (file: string) => join(directory, `${name}-${file}`);
  const key = path("ca.key");
  const file = path("ca.pem");
  const newKey = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];
  await openssl("req", "-x509", ...newKey, "-keyout", key, "-out", file, "-subj", `/CN=${name}`, "-days", "2");
  let issued = 0;
  return {
    file,
    async issue(subjectAltName) {
      const [ownKey, request, cert, extensions] = ["key", "csr", "pem", "ext"].map((end) => path(`${issued}.${end}`));
      if (!ownKey || !request || !cert || !extensions) throw new Error("no file name");
      issued++;
      await writeFile(extensions, `subjectAltName=${subjectAltName}\n`);
      await openssl("req", ...newKey, "-keyout", ownKey, "-out", request, "-subj", "/CN=master");
      const by = ["-CA", file, "-CAkey", key, "-CAcreateserial", "-extfile", extensions, "-days", "2"];
      await openssl("x509", "-req", "-in", request, "-out", cert, ...by);
      return { key: await readFile(ownKey, "utf8"), cert: await readFile(cert, "utf8") };
    },
  };
}

async function openssl(...args: string[]): Promise<void> {
  await run("openssl", args).catch((error: Error) => {
    throw new Error(`openssl is needed to make certificates: ${error.message}`);
  });
}
