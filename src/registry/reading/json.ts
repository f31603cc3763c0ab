/** How many values a document may have: a manifest of a thousand parts has some thousands. */
const mostValues = 100_000;

const [comma, colon, openBracket, openBrace] = [0x2c, 0x3a, 0x5b, 0x7b];

/**
 * Parses JSON that a registry sent. Throws a `RangeError` for more values than any manifest has: megabytes of them would take a second in which the bot
 * does nothing else. Throws a `SyntaxError` for what is no JSON.
 */
export function parseJson(bytes: Buffer): unknown {
  let values = 0;
  for (let at = 0; at < bytes.length; at++) {
    const byte = bytes[at];
    if (byte === comma || byte === colon || byte === openBracket || byte === openBrace) values++;
  }
  if (values > mostValues) throw new RangeError("it has too many values");
  return JSON.parse(bytes.toString("utf8"));
}
