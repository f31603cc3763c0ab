import { globSync, readFileSync } from "node:fs";
import { normalize } from "node:path";
import { parseSync } from "vite";

/** A regular expression as it stands in the source. */
export interface FoundPattern {
  /** Below src/. */
  readonly file: string;
  readonly line: number;
  readonly expression: RegExp;
}

/** Every regular expression literal of the sources, and where one is made from a text. */
export function findPatterns(glob: string): { readonly literals: readonly FoundPattern[]; readonly made: readonly string[] } {
  const literals: FoundPattern[] = [];
  const made: string[] = [];
  for (const path of globSync(glob)) {
    const file = normalize(path).slice("src/".length);
    const source = readFileSync(path, "utf8");
    const lineOf = (start: number) => source.slice(0, start).split("\n").length;
    walk(parseSync(path, source).program, (node) => {
      if (node.regex)
        literals.push({ file, line: lineOf(node.start), expression: new RegExp(node.regex.pattern, node.regex.flags) });
      if ((node.type === "NewExpression" || node.type === "CallExpression") && node.callee?.name === "RegExp") made.push(file);
    });
  }
  return { literals, made };
}

interface Node {
  readonly type: string;
  readonly start: number;
  readonly regex?: { readonly pattern: string; readonly flags: string } | null;
  readonly callee?: { readonly name?: string };
}

function walk(value: unknown, visit: (node: Node) => void): void {
  if (Array.isArray(value)) for (const entry of value) walk(entry, visit);
  else if (typeof value === "object" && value !== null) {
    if ("type" in value && "start" in value) visit(value as unknown as Node);
    for (const entry of Object.values(value)) walk(entry, visit);
  }
}

/** Texts that make a backtracking matcher work hard: what the pattern itself is made of, over and over, and an end that does not fit. */
export function worstTexts({ source }: RegExp, length: number): readonly string[] {
  const pieces = piecesOf(source);
  const characters = [...new Set([...pieces.join(""), " ", "a", "/", "0"])].slice(0, 14);
  const runs = pieces.filter((piece) => piece.length > 1).slice(0, 12);
  const bodies = [...characters, ...runs, ...characters.flatMap((one) => characters.map((other) => one + other))];
  const plain = bodies.map((body) => filled("", body, length));
  const led = [...runs, pieces.join("")].flatMap((lead) => characters.map((body) => filled(lead, body, length)));
  return [...new Set([...plain, ...led])];
}

function filled(lead: string, body: string, length: number): string {
  return `${lead}${body.repeat(Math.max(Math.ceil((length - lead.length) / body.length), 1))}\u0001`;
}

/** The literal runs of a pattern, and characters that its classes stand for. */
function piecesOf(source: string): readonly string[] {
  const pieces: string[] = [];
  let run = "";
  const close = () => {
    if (run) pieces.push(run);
    run = "";
  };
  for (const [token] of source.matchAll(
    /\\u\{?[0-9a-f]+\}?|\\x[0-9a-f]{2}|\\.|\[\^?(?:\\.|[^\]\\])*\]|\(\?<?[:=!]|\(\?<\w+>|\{[\d,]+\}|./gi,
  )) {
    if (token.startsWith("[")) {
      close();
      pieces.push(...membersOf(token));
    } else if (/^\\[sdwS.DWbB]$/.test(token) || token === ".") {
      close();
      pieces.push(...(shorthand[token] ?? ["a"]));
    } else if (token.length > 2 && !token.startsWith("\\")) close();
    else if ("()|?*+^$".includes(token)) close();
    else run += JSON.parse(`"${escapeOf(token)}"`) as string;
  }
  close();
  return pieces;
}

const shorthand: Readonly<Record<string, readonly string[]>> = {
  "\\s": [" ", "\n"],
  "\\d": ["1"],
  "\\w": ["a", "1"],
  "\\.": ["."],
};

function membersOf(characterClass: string): readonly string[] {
  const inside = characterClass.replace(/^\[\^?/, "").slice(0, -1);
  const expression = new RegExp(characterClass);
  const candidates = [..."aA1f-._/:@ \t\n\"'\\~%&=?#+,;()[]{}<>*", ...inside].filter((character) => expression.test(character));
  return candidates.slice(0, 6);
}

function escapeOf(token: string): string {
  if (!token.startsWith("\\")) return token === '"' ? '\\"' : token;
  if (/^\\[nrtfb]$/.test(token) || /^\\u[0-9a-f]{4}$/i.test(token)) return token;
  if (token.startsWith("\\x")) return `\\u00${token.slice(2)}`;
  const plain = token.slice(1);
  return plain === '"' || plain === "\\" ? `\\${plain}` : plain;
}

/** Milliseconds the expression takes to look at the whole text, the best of a few tries. */
export function timeOf(expression: RegExp, text: string, tries: number): number {
  const everywhere = new RegExp(expression.source, [...new Set(`${expression.flags}g`)].join("").replace("y", ""));
  const times = Array.from({ length: tries }, () => {
    const start = performance.now();
    text.replace(everywhere, "");
    return performance.now() - start;
  });
  return Math.min(...times);
}
