import { readFileSync } from "node:fs";

export interface Instruction {
  readonly name: string;
  readonly text: string;
}

export interface Stage {
  readonly image: string;
  readonly name: string | undefined;
  readonly instructions: readonly Instruction[];
}

/** The stages of a Dockerfile, with the defaults of arguments in the names of images; continued lines are one instruction. */
export function readStages(path: string): readonly Stage[] {
  const lines = readFileSync(path, "utf8")
    .replace(/^\s*#.*$/gm, "")
    .replace(/\\\n/g, " ")
    .split("\n")
    .filter((line) => line.trim() !== "");
  const defaults = new Map<string, string>();
  const stages: { image: string; name: string | undefined; instructions: Instruction[] }[] = [];
  for (const line of lines) {
    const [, name = "", text = ""] = /^(\w+)\s+(.*)$/.exec(line.trim()) ?? [];
    const [, argument, value] = /^(\w+)=(.*)$/.exec(text) ?? [];
    if (name === "ARG" && argument && value) defaults.set(argument, value);
    const [, named = "", stage] = /^(\S+)(?:\s+AS\s+(\S+))?$/i.exec(text) ?? [];
    const image = named.replace(/^\$\{(\w+)\}$/, (_, key) => defaults.get(key) ?? "");
    if (name === "FROM") stages.push({ image, name: stage, instructions: [] });
    else stages.at(-1)?.instructions.push({ name, text: text.replace(/\s+/g, " ") });
  }
  return stages;
}

/** What a COPY takes from the build context, or undefined when it takes from another stage. */
export function copiedFromContext({ name, text }: Instruction): readonly string[] | undefined {
  if (name !== "COPY" || text.includes("--from=")) return undefined;
  return text
    .split(" ")
    .filter((word) => !word.startsWith("--"))
    .slice(0, -1);
}

/** The variables that the last stage sets. */
export function imageEnvironment(path: string): Readonly<Record<string, string>> {
  const set =
    readStages(path)
      .at(-1)
      ?.instructions.filter(({ name }) => name === "ENV") ?? [];
  const pairs = set.flatMap(({ text }) => text.split(" ").map((pair) => /^(\w+)=(.*)$/.exec(pair) ?? []));
  return Object.fromEntries(pairs.map(([, name = "", value = ""]) => [name, value]));
}
