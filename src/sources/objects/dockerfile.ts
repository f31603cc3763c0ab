/** Longer Dockerfiles (characters) are not read. */
const longestDockerfile = 128 * 1024;
/** Longer than any image's name can be. */
const longestWord = 800;

/**
 * The base image of a Dockerfile's last stage, as its `FROM` names it. Stage names are followed, and build arguments with literal defaults filled
 * in. `given` are the build's arguments; an undefined one has a value that cannot be read here. Undefined if the name is not known,
 * and for `scratch`. The text is read in one pass (https://docs.docker.com/reference/dockerfile/).
 */
export function lastBase(dockerfile: string, given: ReadonlyMap<string, string | undefined>): string | undefined {
  if (dockerfile.length > longestDockerfile) return undefined;
  const defaults = new Map<string, string | undefined>();
  const stages = new Map<string, string | undefined>();
  let last: { readonly base: string | undefined } | undefined;
  for (const instruction of instructions(dockerfile)) {
    const [keyword = "", ...words] = instruction.split(/\s+/);
    if (/^arg$/i.test(keyword) && !last) {
      for (const word of words) declare(word, defaults, given);
    } else if (/^from$/i.test(keyword)) {
      const [image = "", as = "", name = ""] = words.filter((word) => !word.startsWith("--"));
      const named = expand(unquoted(image), defaults);
      const stage = named?.toLowerCase() ?? "";
      last = { base: stages.has(stage) ? stages.get(stage) : named };
      if (as.toLowerCase() === "as" && name !== "") stages.set(name.toLowerCase(), last.base);
    }
  }
  return last?.base === "scratch" || last?.base === "" ? undefined : last?.base;
}

/** `NAME` or `NAME=default`; only those before the first FROM count for it. The build's arguments override defaults. */
function declare(word: string, defaults: Map<string, string | undefined>, given: ReadonlyMap<string, string | undefined>): void {
  const equals = word.indexOf("=");
  const name = equals < 0 ? word : word.slice(0, equals);
  const value = equals < 0 ? undefined : expand(unquoted(word.slice(equals + 1)), defaults);
  defaults.set(name, given.has(name) ? given.get(name) : value);
}

/** A word with its variables filled in, as in BuildKit; undefined if one has no known value, or another form. */
function expand(word: string, values: ReadonlyMap<string, string | undefined>): string | undefined {
  if (word.length > longestWord) return undefined;
  let isKnown = true;
  const expanded = word.replace(variable, (_, plain?: string, braced?: string, form?: string, other = "") => {
    const value = values.get(plain ?? braced ?? "");
    const isSet = value !== undefined && (value !== "" || !form?.startsWith(":"));
    if (form?.endsWith("-")) return isSet ? value : other;
    if (form?.endsWith("+")) return isSet ? other : "";
    if (value === undefined) isKnown = false;
    return value ?? "";
  });
  return isKnown && expanded.length <= longestWord && !/[$`\\"']/.test(expanded) ? expanded : undefined;
}

const variable = /\$(?:([A-Za-z_]\w*)|\{([A-Za-z_]\w*)(?:(:?[-+])([^${}]*))?\})/g;

function unquoted(word: string): string {
  const quote = word[0];
  return word.length > 1 && (quote === '"' || quote === "'") && word.endsWith(quote) ? word.slice(1, -1) : word;
}

/** The instructions of a Dockerfile, each on one line, without comments and without the texts of heredocs. */
function* instructions(dockerfile: string): Generator<string> {
  const lines = dockerfile.split(/\r?\n/);
  const continued = escapeDirective.test(dockerfile) ? /`[ \t]*$/ : /\\[ \t]*$/;
  const lastAt = new Map(lines.map((line, at) => [withoutTabs(line), at]));
  for (let at = 0; at < lines.length; at++) {
    const parts: string[] = [];
    for (; at < lines.length; at++) {
      const line = lines[at] ?? "";
      if (/^\s*(?:#|$)/.test(line)) {
        if (parts.length > 0) continue;
        break;
      }
      parts.push(line.replace(continued, ""));
      if (!continued.test(line)) break;
    }
    const instruction = parts.join("").trim();
    if (instruction !== "") yield instruction;
    if (!/^(?:run|copy|add)\s/i.test(instruction)) continue;
    for (const [, name = ""] of instruction.matchAll(heredoc)) {
      // Without its end it is not a heredoc, and what follows is read as instructions.
      if ((lastAt.get(name) ?? -1) <= at) continue;
      do at++;
      while (withoutTabs(lines[at] ?? "") !== name);
    }
  }
}

const escapeDirective = /^\uFEFF?(?:#\s{0,8}\w{1,40}\s{0,8}=[^\n]*\n){0,8}#\s{0,8}escape\s{0,8}=\s{0,8}`/i;
const heredoc = /(?:^|\s)\d?<<-?["']?([A-Za-z_]\w*)["']?(?=\s|$)/g;

function withoutTabs(line: string): string {
  return line.replace(/^\t+/, "");
}
