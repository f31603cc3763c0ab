/** One challenge of a WWW-Authenticate header: its scheme and parameter names in lower case. */
export interface Challenge {
  readonly scheme: string;
  readonly parameters: ReadonlyMap<string, string>;
}

const blanks = " \t\r\n,";
/** RFC 9110, 5.6.2, and the slash of a token68. */
const tokenCharacter = /[!#$%&'*+.^_`|~0-9A-Za-z/-]/;

/** Reads a WWW-Authenticate header, several joined to one included (RFC 9110, 11.6.1), in one pass. It stops at what cannot be read. */
export function parseChallenges(header: string): readonly Challenge[] {
  const challenges: { scheme: string; parameters: Map<string, string> }[] = [];
  const text = createReader(header);
  for (;;) {
    text.skip(blanks);
    const name = text.takeWhile((character) => tokenCharacter.test(character)).toLowerCase();
    if (name === "") return challenges;
    const last = challenges.at(-1);
    if (last && text.takesEquals()) {
      const value = text.takeQuoted() ?? text.takeWhile((character) => !blanks.includes(character) && character !== '"');
      // Of two values the first counts.
      if (!last.parameters.has(name)) last.parameters.set(name, value);
    } else {
      challenges.push({ scheme: name, parameters: new Map() });
    }
  }
}

function createReader(text: string) {
  let at = 0;
  const takeWhile = (fits: (character: string) => boolean): string => {
    const start = at;
    while (at < text.length && fits(text[at] as string)) at++;
    return text.slice(start, at);
  };
  const skip = (characters: string) => void takeWhile((character) => characters.includes(character));
  return {
    takeWhile,
    skip,
    /** Reads an equals sign with the blanks around it; false when there is none. */
    takesEquals(): boolean {
      const start = at;
      skip(" \t");
      if (text[at] !== "=") {
        at = start;
        return false;
      }
      at++;
      skip(" \t");
      return true;
    },
    /** A quoted text without its escapes; undefined when none begins here. It can lack its end. */
    takeQuoted(): string | undefined {
      if (text[at] !== '"') return undefined;
      let value = "";
      for (at++; at < text.length && text[at] !== '"'; at++) value += text[at] === "\\" ? (text[++at] ?? "") : text[at];
      at++;
      return value;
    },
  };
}

/** A token service. */
export interface Bearer {
  readonly realm: string;
  readonly service: string | undefined;
}

/** The token services in challenges, in order. */
export function bearersOf(challenges: readonly Challenge[]): readonly Bearer[] {
  return challenges.flatMap(({ scheme, parameters }) => {
    const realm = scheme === "bearer" ? parameters.get("realm") : undefined;
    return realm ? [{ realm, service: parameters.get("service") }] : [];
  });
}

/** Whether a user and password can be the answer. */
export function asksForBasic(challenges: readonly Challenge[]): boolean {
  return challenges.some(({ scheme }) => scheme === "basic");
}

/** What skopeo would answer to. */
export type SkopeoChallenge = { readonly scheme: "basic" } | { readonly scheme: "bearer"; readonly realm: string | undefined };

/**
 * The challenge that skopeo answers, of an answer's WWW-Authenticate headers: the first one with Basic or Bearer. It reads one challenge of each
 * header (containers/image, docker/wwwauthenticate.go): no blanks around the equals sign, and without quotes only a token. Undefined when it
 * would send no login.
 */
export function challengeForSkopeo(headers: readonly string[]): SkopeoChallenge | undefined {
  for (const header of headers) {
    const { scheme, rest } = /^\s*(?<scheme>[^\s"(),/:;<=>?@[\\\]{}]+)\s*(?<rest>.*)$/s.exec(header)?.groups ?? {};
    if (scheme?.toLowerCase() === "basic") return { scheme: "basic" };
    if (scheme?.toLowerCase() === "bearer") return { scheme: "bearer", realm: realmForSkopeo(rest ?? "") };
  }
  return undefined;
}

const parameter =
  /^\s*(?<name>[^\s"(),/:;<=>?@[\\\]{}]+)=(?:"(?<quoted>(?:[^"\\]|\\.)*)"|(?<token>[^\s"(),/:;<=>?@[\\\]{}]+))\s*(?<comma>,?)/;

function realmForSkopeo(parameters: string): string | undefined {
  let realm: string | undefined;
  let hasNext = true;
  for (let rest = parameters; hasNext; ) {
    const { 0: whole = "", groups: { name, quoted, token, comma } = {} } = parameter.exec(rest) ?? {};
    if (name?.toLowerCase() === "realm") realm = quoted?.replace(/\\(.)/g, "$1") ?? token;
    hasNext = comma === "," && (quoted ?? token) !== "";
    rest = rest.slice(whole.length);
  }
  return realm || undefined;
}
