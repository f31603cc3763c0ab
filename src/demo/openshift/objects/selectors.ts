import { ApiError, badRequest } from "../requests/api-status.ts";
import type { StoredObject } from "./object-store.ts";

/** Whether an object is wanted. */
export type Selector = (object: StoredObject) => boolean;

/** Reads label and field selectors as the API does; undefined when there is none. Throws `ApiError` (400). */
export function parseSelectors(labels = "", fields = "", knownFields: readonly string[] = []): Selector | undefined {
  const requirements = [...labelRequirements(labels), ...fieldRequirements(fields, knownFields)];
  if (requirements.length === 0) return undefined;
  return (object) => requirements.every((holds) => holds(object));
}

function labelRequirements(selector: string): Selector[] {
  return splitOutsideParentheses(selector).map((text) => labelRequirement(text, selector));
}

const setRequirement = /^(\S+)\s+(in|notin)\s*\(([^()]*)\)$/;
const equality = /^([^\s=!]+)\s*(==|=|!=)\s*([^\s=!]*)$/;
const existence = /^(!?)\s*([^\s=!,()]+)$/;

function labelRequirement(text: string, selector: string): Selector {
  const set = setRequirement.exec(text);
  if (set) return among(set[1] ?? "", (set[3] ?? "").split(",").map(trim), set[2] === "in");
  const equal = equality.exec(text);
  if (equal) return among(equal[1] ?? "", [equal[3] ?? ""], equal[2] !== "!=");
  const exists = existence.exec(text);
  if (!exists) throw new ApiError(badRequest(`unable to parse requirement: ${JSON.stringify(selector)} is no label selector`));
  const [, not, label = ""] = exists;
  return (object) => (object.labels[label] === undefined) === (not === "!");
}

/** Like the API, a negative requirement also holds for objects without the label. */
function among(label: string, values: readonly string[], wanted: boolean): Selector {
  return (object) => {
    const value = object.labels[label];
    return (value !== undefined && values.includes(value)) === wanted;
  };
}

function fieldRequirements(selector: string, knownFields: readonly string[]): Selector[] {
  const known = ["metadata.name", "metadata.namespace", ...knownFields];
  return selector
    .split(",")
    .map(trim)
    .filter(Boolean)
    .map((text) => fieldRequirement(text, known));
}

function fieldRequirement(text: string, known: readonly string[]): Selector {
  const [, field = "", operator, value = ""] = equality.exec(text) ?? [];
  if (!operator) throw new ApiError(badRequest(`invalid selector: '${text}'; can't understand '${text}'`));
  if (!known.includes(field)) {
    throw new ApiError(
      badRequest(`"${field}" is not a known field selector: only ${known.map((name) => `"${name}"`).join(", ")}`),
    );
  }
  return (object) => (fieldOf(object, field) === value) === (operator !== "!=");
}

function fieldOf(object: StoredObject, field: string): string | undefined {
  if (field === "metadata.name") return object.name;
  if (field === "metadata.namespace") return object.namespace;
  return object.fields[field];
}

function splitOutsideParentheses(text: string): string[] {
  return text
    .split(/,(?![^(]*\))/)
    .map(trim)
    .filter(Boolean);
}

function trim(text: string): string {
  return text.trim();
}
