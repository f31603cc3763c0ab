import { setImmediate as nextTurn } from "node:timers/promises";
import { parsedAtOnce, parseInSteps } from "../../core/json-steps.ts";

/** The most values of an answer. The findings of a large image are some hundred thousand; millions would fill the memory. */
const mostValues = 500_000;

/** Parses JSON; a long text a piece in each turn of the event loop. Throws a `RangeError` for too many or too deep values, and a `SyntaxError` for what is no JSON. */
export async function parseJson(text: string): Promise<unknown> {
  if (text.length <= parsedAtOnce) return JSON.parse(text);
  const steps = parseInSteps(text, mostValues);
  for (let step = steps.next(); ; step = steps.next()) {
    if (step.done) return step.value;
    await nextTurn();
  }
}
