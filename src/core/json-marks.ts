const [comma, colon, openBracket, openBrace] = [0x2c, 0x3a, 0x5b, 0x7b];

/**
 * How large JSON is before it is parsed, by its marks: `values` are commas and opening brackets, `names` are colons. Parsing millions of values takes a
 * second or more, in which the bot does nothing else.
 */
export function countJsonMarks(text: string): { readonly values: number; readonly names: number } {
  let [values, names] = [0, 0];
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === comma || code === openBracket || code === openBrace) values++;
    else if (code === colon) names++;
  }
  return { values, names };
}
