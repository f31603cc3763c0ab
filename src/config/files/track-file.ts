import { ConfigError } from "../config-error.ts";
import { checkFormat, ownerKinds } from "../formats.ts";
import { fieldsOf, readYaml } from "./yaml-file.ts";

/**
 * The BuildConfigs a YAML file lists under `trackBuildConfigs:` (at its top, or under `spec:` as in a Benchmark of the cogadvisor operator),
 * as `namespace/name`, or `name` where an entry has no namespace. Throws `ConfigError` naming the file and every wrong entry.
 */
export function readTrackFile(path: string): readonly string[] {
  const list = findList(readYaml(path));
  if (list === undefined) throw new ConfigError([`${path} has no list trackBuildConfigs`]);
  if (list.length === 0) throw new ConfigError([`${path} lists no BuildConfig; leave the setting out to follow all of them`]);
  const entries = list.map(readEntry);
  const mistakes = entries.flatMap((entry, index) =>
    entry.mistakes.map((mistake) => `${path}: entry ${index + 1} of trackBuildConfigs ${mistake}`),
  );
  if (mistakes.length > 0) throw new ConfigError(mistakes);
  return [...new Set(entries.map((entry) => entry.name))];
}

function findList(document: unknown): readonly unknown[] | undefined {
  const { trackBuildConfigs, spec } = fieldsOf(document);
  const list = trackBuildConfigs ?? fieldsOf(spec).trackBuildConfigs;
  return Array.isArray(list) ? list : undefined;
}

function readEntry(entry: unknown): { readonly name: string; readonly mistakes: readonly string[] } {
  const { kind = "BuildConfig", name, namespace } = fieldsOf(entry);
  const mistakes: string[] = [];
  const known = ownerKinds.find((name) => name.toLowerCase() === String(kind).toLowerCase());
  if (known === undefined) mistakes.push(`has kind ${JSON.stringify(kind)}; what can be followed is ${ownerKinds.join(", ")}`);
  if (typeof name !== "string" || name.includes("/") || name.includes(":") || checkFormat("build-config", name) !== undefined) {
    mistakes.push("needs a name: that of a BuildConfig");
  }
  const isNamespace = typeof namespace === "string" && namespace !== "*" && checkFormat("namespace", namespace) === undefined;
  const hasNamespace = namespace !== undefined && namespace !== null && namespace !== "";
  if (hasNamespace && !isNamespace) mistakes.push(`has namespace ${JSON.stringify(namespace)}, which is no name of one`);
  const prefix = known === undefined || known === "BuildConfig" ? "" : `${known}:`;
  return { name: `${prefix}${hasNamespace ? `${namespace}/` : ""}${name}`, mistakes };
}
