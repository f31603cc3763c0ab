import type { ImageReference } from "./image-reference.ts";

/** The placeholders of a template: facts about an image and the build that made it. */
export const imagePlaceholders = [
  "image",
  "registry",
  "repository",
  "name",
  "tag",
  "digest",
  "digest12",
  "namespace",
  "build",
  "commit",
] as const;
type ImagePlaceholder = (typeof imagePlaceholders)[number];
export type ImageValues = Readonly<Record<ImagePlaceholder, string>>;

const placeholder = /\{([^{}]{0,100})\}/g;

export function imageValues(
  reference: ImageReference,
  {
    build,
    commit = "",
  }: { readonly build?: { readonly namespace: string; readonly name: string } | undefined; readonly commit?: string | undefined },
): ImageValues {
  const { registry, repository, tag = "" } = reference;
  const digest: string = reference.digest ?? "";
  const bare = `${registry}/${repository}`;
  const digest12 = digest.slice("sha256:".length, "sha256:".length + 12);
  const image = digest ? `${bare}@${digest}` : `${bare}${tag && `:${tag}`}`;
  const name = repository.split("/").at(-1) ?? "";
  return {
    image,
    registry,
    repository,
    name,
    tag,
    digest,
    digest12,
    namespace: build?.namespace ?? "",
    build: build?.name ?? "",
    commit,
  };
}

/** Fills in a template; `{tag|digest12}` is the first of the two that is not empty. */
export function fillImageTemplate(template: string, values: Readonly<Record<string, string>>): string {
  return template.replace(placeholder, (_, names: string) =>
    names.split("|").reduce((found, name) => found || (values[name] ?? ""), ""),
  );
}

/** The first placeholder of a template that does not exist; undefined when all do. */
export function unknownPlaceholder(template: string, further: readonly string[] = []): string | undefined {
  const names = [...template.matchAll(placeholder)].flatMap(([, inner = ""]) => inner.split("|"));
  return names.find((name) => !(imagePlaceholders as readonly string[]).includes(name) && !further.includes(name));
}
