import { secretFileVariables } from "../files/secret-files.ts";
import { optionEntries } from "../options.ts";
import { type Environment, isServiceLink } from "../sources.ts";
import { nearestName } from "./nearest-name.ts";

const known = new Set<string>([...optionEntries.map(([, { env }]) => env), ...secretFileVariables]);

/** Set by the deployment of the Python build-watcher; they have no effect here and need none. */
const retired = /^THOTH_(?:LOG_\w+|INFRA_NAMESPACE|ERROR_FALLBACK)$/;

const prefix = /^(?:THOTH_BUILD_WATCHER_|THOTH_BUILD_ANALYSIS_|THOTH_|BUILD_WATCHER_)/;

/** For a Service named build-watcher, Kubernetes sets variables with this prefix in every pod of the namespace. */
const serviceVariable = /_SERVICE_(?:HOST|PORT)(?:_\w+)?$|_PORT_\d+_(?:TCP|UDP|SCTP)(?:_(?:PROTO|PORT|ADDR))?$/;

/** A warning for every variable that looks like a setting but is not one: probably it is misspelt. */
export function warnOfUnknownVariables(variables: Environment): string[] {
  return Object.entries(variables).flatMap(([name, text]) => {
    if (!text || !isOurs(name) || isServiceLink(text)) return [];
    const nearest = nearestVariable(name);
    return [`${name} is not a setting of the bot and has no effect${nearest ? `; did you mean ${nearest}?` : ""}`];
  });
}

function isOurs(name: string): boolean {
  return prefix.test(name) && !known.has(name) && !retired.test(name) && !serviceVariable.test(name);
}

/** The variable that was probably meant: the same name with another prefix, else the most similar one. */
function nearestVariable(name: string): string | undefined {
  const bare = name.replace(prefix, "");
  const names = [...known];
  return names.find((candidate) => candidate.replace(prefix, "") === bare) ?? nearestName(name, names);
}
