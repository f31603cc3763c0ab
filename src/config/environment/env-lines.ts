import { secretFileVariables } from "../files/secret-files.ts";
import { optionEntries } from "../options.ts";

const known = new Set<string>([...optionEntries.map(([, { env }]) => env), ...secretFileVariables]);

const marks: readonly string[] = ['"', "'", "`"];

/** Variables that Node or the programs the bot runs read only from the real environment. */
const ofTheEnvironment =
  /^(?:(?:HTTPS?|NO|ALL)_PROXY|KUBECONFIG|KUBERNETES_SERVICE_\w+|NODE_\w+|SSL_CERT_\w+|HOME|PATH|TMPDIR|TZ|XDG_\w+|CONTAINERS_REGISTRIES_CONF)$/i;

/**
 * A warning for every line of a `.env` file that sets nothing, or another value than it seems to. It shows the line's number and the name, never
 * the value.
 */
export function warnOfEnvLines(text: string): readonly string[] {
  if (text.includes("\u0000")) return [".env is no UTF-8 text, so nothing in it is used: save it as UTF-8"];
  const lines = text.replace(/^\uFEFF/, "").split(/\r?\n/);
  const firstSet = new Map<string, number>();
  const lastWith = new Map(marks.map((mark) => [mark, lines.findLastIndex((line) => line.includes(mark))]));
  let open: string | undefined;
  return lines.flatMap((line, index) => {
    if (open !== undefined) {
      if (line.includes(open)) open = undefined;
      return [];
    }
    const mark = quoteLeftOpen(line);
    open = mark !== undefined && (lastWith.get(mark) ?? index) > index ? mark : undefined;
    const { name } = settingIn(line) ?? {};
    const what = faultOf(line, open !== undefined) ?? repeated(name, firstSet.get(name ?? ""));
    if (name !== undefined) firstSet.set(name, index + 1);
    return what === undefined ? [] : [`.env, line ${index + 1}: ${what}`];
  });
}

/** As Node reads a line: only blanks and tabs may stand around the name. */
function settingIn(line: string): { readonly name: string; readonly value: string } | undefined {
  const [, name, value = ""] = /^[ \t]*(?:export +)?([A-Za-z_][A-Za-z0-9_]{0,100})[ \t]*=(.*)$/.exec(line) ?? [];
  return name === undefined ? undefined : { name, value: value.trim() };
}

function faultOf(line: string, goesOn: boolean): string | undefined {
  if (line.trim() === "" || line.trim().startsWith("#")) return undefined;
  const { name, value = "" } = settingIn(line) ?? {};
  if (name === undefined) return wordsFor(line);
  const upper = name.toUpperCase();
  if (ofTheEnvironment.test(name)) return `${name} has no effect here; set it in the environment`;
  if (!known.has(name)) return known.has(upper) ? `${name} sets nothing; its name is ${upper}` : undefined;
  if (/^[^"'`#]*[^\s"'`#]#/.test(value)) return `the value of ${name} ends before #; put it into quotes`;
  if (/^[“”„‘’‚]/.test(value))
    return `the value of ${name} begins with a typographic quotation mark, which is part of it; write " or '`;
  const [, mark = "", rest = ""] = /^(["'`])(.*)$/.exec(value) ?? [];
  if (mark === "" || goesOn) return undefined;
  if (!rest.includes(mark)) return `the value of ${name} begins with ${mark} and has no second one, so ${mark} is part of it`;
  return /^\s*(?:#|$)/.test(rest.slice(rest.indexOf(mark) + 1))
    ? undefined
    : `the value of ${name} ends at its second ${mark}; put it into other quotes`;
}

function repeated(name: string | undefined, before: number | undefined): string | undefined {
  if (name === undefined || before === undefined || !known.has(name)) return undefined;
  return `${name} is in line ${before} as well; this one counts`;
}

function wordsFor(line: string): string {
  const [, name] = /^\s*(?:(?:setenv|setx|set|export)\s+|\$env:)?([A-Za-z_][A-Za-z0-9_]{0,100})(?:[\s:=]|$)/i.exec(line) ?? [];
  return `it sets nothing; write ${name && known.has(name.toUpperCase()) ? name.toUpperCase() : "NAME"}=value`;
}

/** The quotation mark of a value that does not end in this line. */
function quoteLeftOpen(line: string): string | undefined {
  const [, mark, rest = ""] = /^[^=#]{1,200}= *(["'`])(.*)$/.exec(line) ?? [];
  return rest.includes(mark ?? "") ? undefined : mark;
}
