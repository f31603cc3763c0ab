import { countJsonMarks } from "../../core/json-marks.ts";

/** How many values and names a document may have: a manifest of a thousand parts has some thousands. */
const most = 100_000;

/** Parses JSON that a registry sent. Throws a `RangeError` for more values than any manifest has, and a `SyntaxError` for what is no JSON. */
export function parseJson(bytes: Buffer): unknown {
  const text = bytes.toString("utf8");
  const { values, names } = countJsonMarks(text);
  if (values + names > most) throw new RangeError("it has too many values");
  return JSON.parse(text);
}
