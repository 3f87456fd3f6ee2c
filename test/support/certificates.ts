import { execFile } from "node:child_process";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";

const run = promisify(execFile);

/** A certificate and its key: the texts, in PEM, and the files where they are. */
export interface Issued {
  readonly key: string;
  readonly cert: string;
  readonly keyFile: string;
  readonly certFile: string;
}

export interface IssueOptions {
  /** The subject's CN. Default `master`. */
  commonName?: string;
  /** Makes a certificate whose last day was yesterday. */
  expired?: boolean;
}

export interface Authority {
  /** The file of its certificate, in PEM. */
  readonly file: string;
  /** A certificate of it for names or addresses, as `IP:127.0.0.1` or `DNS:localhost,URI:spiffe://a/b`. */
  issue(subjectAltName: string, options?: IssueOptions): Promise<Issued>;
}

const NEW_KEY = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];
const DAY_MS = 86_400_000;

/** Makes an own certificate authority in a directory. @throws Error if there is no openssl. */
export async function makeAuthority(directory: string, name: string): Promise<Authority> {
  const path = (file: string) => join(directory, `${name}-${file}`);
  const [key, file] = [path("ca.key"), path("ca.pem")];
  await openssl("req", "-x509", ...NEW_KEY, "-keyout", key, "-out", file, "-subj", `/CN=${name}`, "-days", "2");
  let issued = 0;
  return {
    file,
    async issue(subjectAltName, { commonName = "master", expired = false } = {}) {
      const own = (end: string) => path(`${issued}.${end}`);
      const [keyFile, request, certFile] = [own("key"), own("csr"), own("pem")];
      const [extensions, database, config] = [own("ext"), own("txt"), own("cnf")];
      issued++;
      await writeFile(extensions, `subjectAltName=${subjectAltName}\n`);
      await writeFile(database, "");
      await writeFile(config, configuration(directory, database));
      await openssl("req", ...NEW_KEY, "-keyout", keyFile, "-out", request, "-subj", `/CN=${commonName}`);
      const [from, to] = expired ? [-2, -1] : [-1, 2];
      const time = ["-startdate", inDays(from), "-enddate", inDays(to)];
      const by = ["-config", config, "-cert", file, "-keyfile", key, "-extfile", extensions];
      await openssl("ca", "-batch", "-notext", ...by, ...time, "-in", request, "-out", certFile);
      return { key: await readFile(keyFile, "utf8"), cert: await readFile(certFile, "utf8"), keyFile, certFile };
    },
  };
}

/** What `openssl ca` wants to be told: `openssl x509` makes no certificate whose time is over. */
function configuration(directory: string, database: string): string {
  return `[ca]
default_ca = own
[own]
database = ${database}
new_certs_dir = ${directory}
rand_serial = yes
default_md = sha256
policy = any
unique_subject = no
[any]
commonName = supplied
`;
}

function inDays(days: number): string {
  const iso = new Date(Date.now() + days * DAY_MS).toISOString();
  return `${iso.replace(/[-:T]/g, "").slice(0, 14)}Z`;
}

async function openssl(...args: string[]): Promise<void> {
  await run("openssl", args).catch((error: Error) => {
    throw new Error(`openssl is needed to make certificates: ${error.message}`);
  });
}
