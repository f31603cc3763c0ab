/** A text in lines of at most this many characters, each indented. A longer word gets its own line. */
export function wrapText(text: string, columns: number, indent = ""): string {
  const lines: string[] = [];
  for (const word of text.split(/\s+/).filter(Boolean)) {
    const extended = `${lines.at(-1) ?? ""} ${word}`;
    if (lines.length > 0 && indent.length + extended.length <= columns) lines[lines.length - 1] = extended;
    else lines.push(word);
  }
  return lines.map((line) => indent + line).join("\n");
}
