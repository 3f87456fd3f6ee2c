/** Quotes a text as one word of a shell's command line. Returns it unchanged if the shell gives it no special meaning. */
export function shellWord(text: string): string {
  if (/^[\w@%+=:,./-]+$/.test(text)) return text;
  const controls = /\p{Cc}/gu;
  if (!controls.test(text)) return `'${text.replaceAll("'", "'\\''")}'`;
  // Bash, zsh and ksh read this form. Other shells have no form that keeps such a character on the line.
  const escaped = text.replace(/[\\']/g, "\\$&").replace(controls, (each) => `\\x${hex(each)}`);
  return `$'${escaped}'`;
}

function hex(character: string): string {
  return Buffer.from(character)
    .toString("hex")
    .replace(/(?<=^..)(?=..)/, "\\x");
}
