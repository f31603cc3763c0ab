import { type Option, type OptionName, optionEntries } from "../../config/options.ts";
import { settingsOfThePod } from "../../config/reference/config-template.ts";
import type { Environment, Flags } from "../../config/sources.ts";

/** How settings, named by their variables, are changed where the bot runs: a command, or the flag to change. */
export type SetCommand = (...variables: readonly string[]) => string;

/** Where settings come from. */
export interface SettingsPlace {
  readonly environment: Environment;
  readonly flags: Flags;
  /** The namespace of the bot's pod, if it runs in one. */
  readonly namespace?: string | undefined;
}

type Place = "configmap" | "secret" | "deployment";

/**
 * A flag wins over its variable, so that it is the flag that has to change. In a pod settings come from what `openshift/config.yaml` and
 * `openshift/deployment.yaml` made, elsewhere from the shell. Values to fill in stand in angle brackets: a shell refuses a line that has them.
 */
export function setCommandFor({ environment, flags, namespace }: SettingsPlace): SetCommand {
  const inPod = environment.KUBERNETES_SERVICE_HOST !== undefined;
  const set = inPod ? setInPod(namespace) : (variables: readonly string[]) => `export ${assignments(variables)}`;
  return (...variables) => {
    const given = variables.filter((variable) => isFlagGiven(variable, flags));
    const others = variables.filter((variable) => !given.includes(variable));
    const change = given.map((variable) => `change the flag --${options.get(variable)?.[1].flag}, which wins over ${variable}`);
    return [...change, ...(others.length > 0 ? [set(others)] : [])].join("; ");
  };
}

/** The way to change the setting which a message names; undefined when it names none. */
export function setNamed(message: string, set: SetCommand): string | undefined {
  // Of a login that is only half given, the other half is what to set.
  const missing = /is set, but [^(]{0,100}\(?([A-Z][A-Z0-9_]{1,100})\)? is not\b/.exec(message)?.[1];
  const words = message.match(/\b[A-Z][A-Z0-9_]+\b/g) ?? [];
  const variable = [missing, ...words].find((word) => word !== undefined && options.has(word));
  return variable === undefined ? undefined : set(variable);
}

const options: ReadonlyMap<string, readonly [OptionName, Option]> = new Map(optionEntries.map((entry) => [entry[1].env, entry]));

/** The arguments that name the bot's namespace. */
function inNamespace(namespace: string | undefined): string {
  return namespace === undefined ? "" : ` -n ${namespace}`;
}

function setInPod(namespace: string | undefined): (variables: readonly string[]) => string {
  const where = inNamespace(namespace);
  return (variables) => {
    const at = (place: Place) => variables.filter((variable) => placeOf(variable) === place);
    const data = (["configmap", "secret"] as const)
      .filter((place) => at(place).length > 0)
      .map((place) => `oc set data ${place}/build-watcher${where} ${assignments(at(place))}`);
    // A changed Deployment is rolled out by itself.
    const pod = at("deployment").map((variable) => `oc set env deployment/build-watcher${where} ${assignments([variable])}`);
    return [...data, ...pod, ...(pod.length === 0 ? [`oc rollout restart deployment/build-watcher${where}`] : [])].join(" && ");
  };
}

function isFlagGiven(variable: string, flags: Flags): boolean {
  const [name] = options.get(variable) ?? [];
  return name !== undefined && flags[name] !== undefined;
}

function placeOf(variable: string): Place {
  const [name, option] = options.get(variable) ?? [];
  if (name !== undefined && settingsOfThePod.includes(name)) return "deployment";
  return option?.secret ? "secret" : "configmap";
}

function assignments(variables: readonly string[]): string {
  return variables.map((variable) => `${variable}=${placeholderOf(options.get(variable)?.[1])}`).join(" ");
}

function placeholderOf(option: Option | undefined): string {
  if (option?.choices) return `<${option.choices.join("|")}>`;
  return option?.placeholder ?? (option?.type === "boolean" ? "<0|1>" : "<value>");
}
