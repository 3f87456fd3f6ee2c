import type { PeerCertificate } from "node:tls";

const MAX_NAMES = 100;
const MAX_LENGTH = 1_024;

/** The names that a certificate gives its owner: URIs and host names of its SAN, then its common names. */
export function certificateNames({
  subjectaltname,
  subject,
}: Pick<PeerCertificate, "subjectaltname" | "subject">): string[] {
  const alternatives = alternativeNames(subjectaltname ?? "");
  const commonNames: unknown = (subject as { CN?: unknown } | undefined)?.CN;
  const names = [
    ...ofKind(alternatives, "URI", "uri:"),
    ...ofKind(alternatives, "DNS", "dns:"),
    ...[commonNames].flat().flatMap((name) => (typeof name === "string" && name !== "" ? [`cn:${name}`] : [])),
  ];
  return names.filter((name) => name.length <= MAX_LENGTH).slice(0, MAX_NAMES);
}

interface Alternative {
  readonly kind: string;
  readonly name: string;
}

function ofKind(alternatives: readonly Alternative[], kind: string, prefix: string): string[] {
  return alternatives.flatMap((each) => (each.kind === kind && each.name !== "" ? [prefix + each.name] : []));
}

/**
 * Node gives `URI:spiffe://a, DNS:b`. It quotes a name that could be taken for more than one, as a string of JSON, so that
 * none can be made to look like another.
 */
function alternativeNames(text: string): Alternative[] {
  const names: Alternative[] = [];
  const entry = /([A-Za-z ]+):("(?:[^"\\]|\\.)*"|[^,]*)(?:, |$)/y;
  for (let match = entry.exec(text); match && match[0] !== ""; match = entry.exec(text)) {
    const [, kind = "", name = ""] = match;
    names.push({ kind, name: name.startsWith('"') ? unquoted(name) : name });
  }
  return names;
}

function unquoted(name: string): string {
  try {
    return String(JSON.parse(name));
  } catch {
    return "";
  }
}
