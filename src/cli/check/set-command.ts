import { settingsOfThePod } from "../../config/config-template.ts";
import { type Option, type OptionName, optionEntries } from "../../config/options.ts";
import type { Environment } from "../../config/sources.ts";

/** The command that changes settings, named by their variables, where the bot runs. */
export type SetCommand = (...variables: readonly string[]) => string;

type Place = "configmap" | "secret" | "deployment";

/** In a pod settings come from what `openshift/config.yaml` and `openshift/deployment.yaml` made, elsewhere from the shell. */
export function setCommandFor({ KUBERNETES_SERVICE_HOST: inPod }: Environment): SetCommand {
  if (inPod === undefined) return (...variables) => `export ${assignments(variables)}`;
  return (...variables) => {
    const at = (place: Place) => variables.filter((variable) => placeOf(variable) === place);
    const data = (["configmap", "secret"] as const)
      .filter((place) => at(place).length > 0)
      .map((place) => `oc set data ${place}/build-watcher ${assignments(at(place))}`);
    // A changed Deployment is rolled out by itself.
    const pod = at("deployment").map((variable) => `oc set env deployment/build-watcher ${assignments([variable])}`);
    return [...data, ...pod, ...(pod.length === 0 ? ["oc rollout restart deployment/build-watcher"] : [])].join(" && ");
  };
}

/** The command that changes the setting which a message names; undefined when it names none. */
export function setNamed(message: string, set: SetCommand): string | undefined {
  // Of a login that is only half given, the other half is what to set.
  const missing = /is set, but [^(]{0,60}\(?\b([A-Z][A-Z0-9_]{1,60})\)? is not\b/.exec(message)?.[1];
  const words = message.match(/\b[A-Z][A-Z0-9_]+\b/g) ?? [];
  const variable = [missing, ...words].find((word) => word !== undefined && options.has(word));
  return variable === undefined ? undefined : set(variable);
}

const options: ReadonlyMap<string, readonly [OptionName, Option]> = new Map(optionEntries.map((entry) => [entry[1].env, entry]));

function placeOf(variable: string): Place {
  const [name, option] = options.get(variable) ?? [];
  if (name !== undefined && settingsOfThePod.includes(name)) return "deployment";
  return option?.secret ? "secret" : "configmap";
}

function assignments(variables: readonly string[]): string {
  return variables.map((variable) => `${variable}='${placeholderOf(options.get(variable)?.[1])}'`).join(" ");
}

function placeholderOf(option: Option | undefined): string {
  return option?.placeholder ?? option?.choices?.join("|") ?? (option?.type === "boolean" ? "0|1" : "<value>");
}
