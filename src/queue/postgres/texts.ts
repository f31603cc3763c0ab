/** A text that PostgreSQL accepts: without the character zero and half characters. */
export function clean<Text extends string | undefined>(text: Text): Text {
  return (typeof text === "string" ? text.replaceAll("\0", "\uFFFD").toWellFormed() : undefined) as Text;
}
