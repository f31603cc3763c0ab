/** One challenge of a WWW-Authenticate header: its scheme and parameter names in lower case. */
export interface Challenge {
  readonly scheme: string;
  readonly parameters: ReadonlyMap<string, string>;
}

const blank = /[\s,]*/y;
const token = /[!#$%&'*+.^_`|~0-9A-Za-z/-]+/y;
const equals = /\s*=\s*/y;
const value = /"((?:[^"\\]|\\.)*)"|([^\s,"]*)/y;

/** Reads a WWW-Authenticate header, several joined to one included (RFC 9110, 11.6.1), in one pass over it. What cannot be read ends it. */
export function parseChallenges(header: string): readonly Challenge[] {
  const challenges: { scheme: string; parameters: Map<string, string> }[] = [];
  let at = 0;
  const take = (pattern: RegExp): RegExpExecArray | null => {
    pattern.lastIndex = at;
    const found = pattern.exec(header);
    if (found) at = pattern.lastIndex;
    return found;
  };
  for (take(blank); at < header.length; take(blank)) {
    const name = take(token)?.[0].toLowerCase();
    if (name === undefined) break;
    const last = challenges.at(-1);
    if (last && take(equals)) {
      const [, quoted, plain = ""] = take(value) ?? [];
      // The first of two counts, as for every header that is not repeated.
      if (!last.parameters.has(name)) last.parameters.set(name, quoted?.replace(/\\(.)/g, "$1") ?? plain);
    } else {
      challenges.push({ scheme: name, parameters: new Map() });
    }
  }
  return challenges;
}

/** Where tokens are to be had. */
export interface Bearer {
  readonly realm: string;
  readonly service: string | undefined;
}

/** The token services that challenges name, in their order. */
export function bearersOf(challenges: readonly Challenge[]): readonly Bearer[] {
  return challenges.flatMap(({ scheme, parameters }) => {
    const realm = scheme === "bearer" ? parameters.get("realm") : undefined;
    return realm ? [{ realm, service: parameters.get("service") }] : [];
  });
}

/** Whether a user and password may be the answer. */
export function asksForBasic(challenges: readonly Challenge[]): boolean {
  return challenges.some(({ scheme }) => scheme === "basic");
}
