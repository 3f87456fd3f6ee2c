import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type Issued, makeAuthority } from "../support/certificates.js";
import type { ServerCertificate } from "./case.js";

/** The certificates of a run of the cases. */
export interface Certificates {
  /** The file of the authority that the bridge trusts, as do clients that are told `{{ca}}`. */
  readonly ca: string;
  /** What a bridge may show. */
  readonly server: Readonly<Record<ServerCertificate, Issued>>;
  /** Files that stand for {{name}} in cases. */
  readonly files: Readonly<Record<string, string>>;
}

/** The name in the certificate `wrong-name`. */
export const OTHER_NAME = "bridge.example";

/** Makes them in a directory. */
export async function makeCertificates(directory: string): Promise<Certificates> {
  const authority = await makeAuthority(directory, "own");
  const other = await makeAuthority(directory, "other");
  const here = "IP:127.0.0.1,DNS:localhost";
  const server = {
    good: await authority.issue(here, { commonName: "bridge" }),
    expired: await authority.issue(here, { commonName: "bridge", expired: true }),
    "wrong-name": await authority.issue(`DNS:${OTHER_NAME}`, { commonName: OTHER_NAME }),
    "other-authority": await other.issue(here, { commonName: "bridge" }),
  };
  const client = await authority.issue("DNS:client.example", { commonName: "client" });
  const expired = await authority.issue("DNS:client.example", { commonName: "client", expired: true });
  const foreign = await other.issue("DNS:client.example", { commonName: "client" });
  const notPem = join(directory, "not.pem");
  await writeFile(notPem, "This is not PEM.\n");
  return {
    ca: authority.file,
    server,
    files: {
      ca: authority.file,
      otherCa: other.file,
      cert: client.certFile,
      key: client.keyFile,
      expiredCert: expired.certFile,
      expiredKey: expired.keyFile,
      otherCert: foreign.certFile,
      otherKey: foreign.keyFile,
      notPem,
      absentFile: join(directory, "absent.pem"),
    },
  };
}
