/** Whether an object with these labels is selected. */
export type LabelMatcher = (labels: Readonly<Record<string, string>>) => boolean;

/** A qualified name: `[prefix/]name`. */
const key = String.raw`(?:[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?\/)?[A-Za-z0-9](?:[A-Za-z0-9._-]{0,61}[A-Za-z0-9])?`;
const value = `(?:[A-Za-z0-9](?:[A-Za-z0-9._-]{0,61}[A-Za-z0-9])?)?`;

const existence = new RegExp(`^(!?)\\s*(${key})$`);
const equality = new RegExp(`^(${key})\\s*(==|=|!=)\\s*(${value})$`);
const membership = new RegExp(`^(${key})\\s+(in|notin)\\s*\\(([^()]*)\\)$`);
const validValue = new RegExp(`^${value}$`);

/**
 * Reads a label selector as `oc get -l` takes it: `a=b`, `a==b`, `a!=b`, `a in (b, c)`, `a notin (b, c)`, `a`, `!a`, joined by commas that
 * mean "and"; an empty one selects everything. As in Kubernetes, `!=` and `notin` also select objects without the label.
 * Throws an `Error` that quotes the part it cannot read.
 * https://kubernetes.io/docs/concepts/overview/working-with-objects/labels/#label-selectors
 */
export function parseLabelSelector(text: string): LabelMatcher {
  if (text.trim() === "") return () => true;
  const requirements = splitOutsideParentheses(text).map((part) => parseRequirement(part.trim()));
  return (labels) => requirements.every((holds) => holds(labels));
}

/** Splits at commas, but not at those of a list in parentheses. */
function splitOutsideParentheses(text: string): readonly string[] {
  const parts: string[] = [];
  for (const piece of text.split(",")) {
    const before = parts.at(-1) ?? "";
    if (before.lastIndexOf("(") > before.lastIndexOf(")")) parts[parts.length - 1] = `${before},${piece}`;
    else parts.push(piece);
  }
  return parts;
}

function parseRequirement(text: string): LabelMatcher {
  const requirement = parseExistence(text) ?? parseEquality(text) ?? parseMembership(text);
  if (requirement) return requirement;
  const part = text === "" ? "an empty part between commas" : JSON.stringify(text);
  throw new Error(`${part} is not one of key=value, key!=value, key in (a, b), key notin (a, b), key, !key`);
}

function parseExistence(text: string): LabelMatcher | undefined {
  const [, not, name = ""] = existence.exec(text) ?? [];
  if (not === undefined) return undefined;
  return (labels) => Object.hasOwn(labels, name) === (not === "");
}

function parseEquality(text: string): LabelMatcher | undefined {
  const [, name, operator, wanted] = equality.exec(text) ?? [];
  if (name === undefined || wanted === undefined) return undefined;
  return oneOf(name, [wanted], operator !== "!=");
}

function parseMembership(text: string): LabelMatcher | undefined {
  const [, name, operator, list] = membership.exec(text) ?? [];
  if (name === undefined || list === undefined) return undefined;
  const wanted = list.split(",").map((entry) => entry.trim());
  if (!wanted.every((entry) => validValue.test(entry))) return undefined;
  return oneOf(name, wanted, operator === "in");
}

function oneOf(name: string, wanted: readonly string[], selected: boolean): LabelMatcher {
  return (labels) => {
    const actual = Object.hasOwn(labels, name) ? labels[name] : undefined;
    return (actual !== undefined && wanted.includes(actual)) === selected;
  };
}
