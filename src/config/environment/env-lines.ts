import { secretFileVariables } from "../files/secret-files.ts";
import { optionEntries } from "../options.ts";

const known = new Set<string>([...optionEntries.map(([, { env }]) => env), ...secretFileVariables]);

/** Variables that Node or the programs the bot runs read only from the real environment. */
const ofTheEnvironment =
  /^(?:(?:HTTPS?|NO|ALL)_PROXY|KUBECONFIG|KUBERNETES_SERVICE_\w+|NODE_\w+|SSL_CERT_\w+|HOME|PATH|TMPDIR|TZ|XDG_\w+|CONTAINERS_REGISTRIES_CONF)$/i;

/**
 * A warning for every line of a `.env` file that sets nothing, or has a `#` by mistake. It shows the line's number and the name, never
 * the value.
 */
export function warnOfEnvLines(text: string): readonly string[] {
  if (text.includes("\u0000")) return [".env is no UTF-8 text, so nothing in it is used: save it as UTF-8"];
  let open: string | undefined;
  return text
    .replace(/^\uFEFF/, "")
    .split(/\r?\n/)
    .flatMap((line, index) => {
      if (open !== undefined) {
        if (line.includes(open)) open = undefined;
        return [];
      }
      open = quoteLeftOpen(line);
      const what = faultOf(line.trim());
      return what === undefined ? [] : [`.env, line ${index + 1}: ${what}`];
    });
}

function faultOf(line: string): string | undefined {
  if (line === "" || line.startsWith("#")) return undefined;
  const [, name, value = ""] = /^(?:export )? *([A-Za-z_][A-Za-z0-9_]{0,100}) *=(.*)$/.exec(line) ?? [];
  if (name === undefined) return wordsFor(line);
  const upper = name.toUpperCase();
  if (ofTheEnvironment.test(name)) return `${name} has no effect here; set it in the environment`;
  if (!known.has(name) && known.has(upper)) return `${name} sets nothing; its name is ${upper}`;
  if (known.has(name) && /^[^"'`#]*[^\s"'`#]#/.test(value.trim()))
    return `the value of ${name} ends before #; put it into quotes`;
  return undefined;
}

function wordsFor(line: string): string {
  const [, name] = /^(?:set|setx|export|\$env:)?\s*([A-Za-z_][A-Za-z0-9_]{0,100})\s*(?::|=|\s|$)/i.exec(line) ?? [];
  return `it sets nothing; write ${name && known.has(name.toUpperCase()) ? name.toUpperCase() : "NAME"}=value`;
}

/** The quotation mark of a value that continues on the next line. */
function quoteLeftOpen(line: string): string | undefined {
  const [, mark = "", rest = ""] = /^[^=#]{1,200}= *(["'`])(.*)$/.exec(line) ?? [];
  return mark !== "" && !rest.includes(mark) ? mark : undefined;
}
