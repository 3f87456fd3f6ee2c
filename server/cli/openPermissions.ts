import { PermissionsFile, type PermissionsFileOptions } from "../access/permissions/permissions.js";
import type { ServeConfig } from "./serveConfig.js";

/**
 * Opens the file of --permissions. Undefined without one, where it is not needed.
 *
 * @param isRequired whether clients have to be recognised
 * @throws Error with one line if permissions and authentication don't go together, or the file can't be used
 */
export async function openPermissions(
  { permissions, listen }: Pick<ServeConfig, "permissions" | "listen">,
  isRequired: boolean,
  options: PermissionsFileOptions,
): Promise<PermissionsFile | undefined> {
  if (permissions === undefined) {
    if (!isRequired) return undefined;
    throw new Error(
      "clients are authenticated, and without --permissions nothing is allowed to any of them: " +
        "add --permissions with a file of rules (docs/permissions.md)",
    );
  }
  // What comes through a socket is known by the socket.
  if (isRequired || listen.some((address) => address.startsWith("unix:"))) {
    return PermissionsFile.open(permissions, options);
  }
  throw new Error(
    "--permissions: the bridge can't tell who its clients are, so that its rules would allow nothing: " +
      "add --tls-client-ca, --client-tokens or --jwks, or listen on a unix socket (--listen unix:/path)",
  );
}
