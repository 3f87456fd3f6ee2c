/** What is said of who may connect, and what they may do. */
export interface AccessFlags {
  readonly listen: readonly string[];
  readonly tlsClientCa: string | undefined;
  readonly clientTokens: string | undefined;
  readonly jwks: string | undefined;
  readonly permissions: string | undefined;
  readonly maxStreamAge: number | undefined;
}

/** @throws Error with one line if the options do not fit together, or would not be used */
export function checkAccess(flags: AccessFlags): void {
  const { listen, permissions, maxStreamAge } = flags;
  const twice = listen.find((text, at) => !text.endsWith(":0") && listen.indexOf(text) !== at);
  if (twice !== undefined) throw new Error(`--listen: ${twice} is given twice`);
  const isRequired = [flags.tlsClientCa, flags.clientTokens, flags.jwks].some((given) => given !== undefined);
  if (isRequired && permissions === undefined) {
    throw new Error(
      "clients are authenticated, and without --permissions nothing is allowed to any of them: " +
        "add --permissions with a file of rules (docs/permissions.md)",
    );
  }
  // What comes through a socket is known by the socket.
  if (isRequired || listen.some((address) => address.startsWith("unix:"))) return;
  if (permissions !== undefined) {
    throw new Error(
      "--permissions: the bridge can't tell who its clients are, so that its rules would allow nothing: " +
        "add --tls-client-ca, --client-tokens or --jwks, or listen on a unix socket (--listen unix:/path)",
    );
  }
  if (maxStreamAge !== undefined) {
    throw new Error(
      "--max-stream-age: the bridge does not authenticate its clients, so it would not be used: " +
        "add --tls-client-ca, --client-tokens or --jwks, or leave it out",
    );
  }
}
