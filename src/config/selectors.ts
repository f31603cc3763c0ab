import { buildSystems, type SystemName } from "../sources/index.ts";

/** The build systems besides OpenShift's own, whose selector is BUILD_WATCHER_LABEL_SELECTOR. */
type OtherSystem = Exclude<SystemName, "builds">;

type SelectorName = `${OtherSystem}Selector`;

const others = buildSystems.filter(({ name }) => name !== "builds");

/** The rows of the table of settings for the selectors of build systems: BUILD_WATCHER_TEKTON_SELECTOR and others. */
export const selectorOptions = Object.fromEntries(
  others.map((system) => [selectorName(system.name), selectorOption(system)]),
) as { readonly [Name in SelectorName]: ReturnType<typeof selectorOption> };

/** Their names in that table. */
export const selectorNames = Object.keys(selectorOptions) as readonly SelectorName[];

/** The selectors by the names of their build systems. */
export function selectorsOf(
  config: { readonly labelSelector?: string | undefined } & { readonly [Name in SelectorName]?: string | undefined },
): Readonly<Record<string, string | undefined>> {
  const further = others.map(({ name }) => [name, config[selectorName(name)]] as const);
  return { builds: config.labelSelector, ...Object.fromEntries(further) };
}

function selectorName(system: string): SelectorName {
  return `${system}Selector` as SelectorName;
}

function selectorOption(system: (typeof buildSystems)[number]) {
  const kinds = system.sources({ ignoreResults: [] }).map(({ kind, objectKind = kind }) => `${objectKind}s`);
  const hint = "selectorHint" in system ? ` ${system.selectorHint}` : "";
  return {
    env: `BUILD_WATCHER_${system.name.toUpperCase()}_SELECTOR`,
    flag: `${system.name}-selector`,
    type: "string",
    format: "label-selector",
    group: "What is watched",
    placeholder: "<selector>",
    help: `Follow only ${kinds.join(" and ")} of ${system.title} with these labels.${hint}`,
  } as const;
}
