import { parseSince } from "../../core/builds/since.ts";
import { imageReferenceOf } from "../../core/images/image-reference.ts";
import type { Config } from "../options.ts";
import { selectorsOf } from "../selectors.ts";
import { nameOf } from "./mistakes.ts";

/** Valid values that hardly mean what they do, each as a sentence. */
export function doubtfulValues(config: Partial<Config>, now: number): readonly string[] {
  return [...hubByMistake(config), ...futureSince(config, now), ...idleSelectors(config)];
}

/** Docker's rule: a name whose first part has no dot and no port is on Docker Hub. */
function hubByMistake({ pushRegistry }: Partial<Config>): string[] {
  if (pushRegistry === undefined) return [];
  const [first = ""] = pushRegistry.split("/");
  if (/[.:]/.test(first) || imageReferenceOf(`${pushRegistry}/x`)?.registry !== "docker.io") return [];
  return [
    `${nameOf("pushRegistry")} is ${pushRegistry}, whose first part has no dot and no port, so copies go to docker.io/${pushRegistry}: write that, or the registry's whole host name`,
  ];
}

function futureSince({ since }: Partial<Config>, now: number): string[] {
  const time = since === undefined ? undefined : parseSince(since, now);
  if (time === undefined || time <= now) return [];
  return [`${nameOf("since")} is ${since}, which lies ahead: until then every build is left alone`];
}

function idleSelectors(config: Partial<Config>): string[] {
  const sources: readonly string[] = config.sources ?? [];
  if (sources.length === 0) return [];
  const set = Object.entries(selectorsOf(config)).filter(([system, selector]) => selector && !sources.includes(system));
  return set.map(([system]) => {
    const name = system === "builds" ? "labelSelector" : (`${system}Selector` as "tektonSelector");
    return `${nameOf(name)} has no effect: ${nameOf("sources")} leaves out ${system}`;
  });
}
