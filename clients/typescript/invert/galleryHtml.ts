/** Text as it may stand in HTML and in a quoted attribute. */
export function html(text: string): string {
  const named: Record<string, string> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;" };
  return text.replace(/[&<>"']/g, (character) => named[character] ?? character).replace(/\p{Cc}/gu, "\uFFFD");
}

/** A relative path as a URL: nothing in a name can lead elsewhere or end the attribute. */
export function pathUrl(relative: string): string {
  return `./${relative.split("/").map(encodeURIComponent).join("/")}`.replace(/'/g, "%27");
}
