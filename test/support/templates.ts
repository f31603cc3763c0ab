import { globSync, readFileSync } from "node:fs";
import { basename } from "node:path";
import { fileURLToPath } from "node:url";
import { parse } from "yaml";

export interface TemplateParameter {
  readonly name: string;
  readonly description?: string;
  readonly value?: string;
  readonly required?: boolean;
}

/** A `template.openshift.io/v1` Template as it is written. */
export interface Template {
  readonly kind: string;
  readonly message?: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly parameters?: readonly TemplateParameter[];
  readonly objects: readonly unknown[];
}

export interface KubernetesObject {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: {
    readonly name: string;
    readonly namespace?: string;
    readonly labels?: Readonly<Record<string, string>>;
    readonly annotations?: Readonly<Record<string, string>>;
  };
}

const root = fileURLToPath(new URL("../../", import.meta.url));

/** The names of the files in openshift/. */
export const templateFiles = globSync("openshift/*.yaml", { cwd: root })
  .map((path) => basename(path))
  .sort();

const read = new Map<string, Template>();

/** A template of openshift/ as it stands there; read once. */
export function readTemplate(file: string): Template {
  const template = read.get(file) ?? (parse(readFileSync(`${root}openshift/${file}`, "utf8")) as Template);
  read.set(file, template);
  return template;
}

const asText = /\$\{([a-zA-Z0-9_]+?)\}/g;
const asValue = /^\$\{\{([a-zA-Z0-9_]+)\}\}$/;

/** The names of all parameters a template's objects and message refer to. */
export function referencesIn({ objects, message = "" }: Template): ReadonlySet<string> {
  const text = JSON.stringify([objects, message]);
  return new Set([...text.matchAll(/\$\{\{?([a-zA-Z0-9_]+)\}?\}/g)].map(([, name = ""]) => name));
}

/**
 * What `oc process --local` makes of a template (library-go, template/templateprocessing): unknown names given are an error, unknown names
 * referred to stay; `${X}` gives text, `${{X}}` alone gives what the text is as JSON, with null leaving the field out; keys are filled in, too; a fixed
 * namespace is dropped.
 */
export function processTemplate(file: string, given: Readonly<Record<string, string>> = {}): readonly KubernetesObject[] {
  const template = readTemplate(file);
  const { parameters = [], labels = {} } = template;
  const values = new Map(parameters.map(({ name, value = "" }) => [name, value]));
  for (const [name, value] of Object.entries(given)) {
    if (!values.has(name)) throw new Error(`unknown parameter name "${name}"`);
    values.set(name, value);
  }
  for (const { name, required } of parameters) {
    if (required && values.get(name) === "") throw new Error(`parameter ${name} is required and must be specified`);
  }
  return template.objects.map((object) => labelled(fillIn(withoutFixedNamespace(object as KubernetesObject), values), labels));
}

function withoutFixedNamespace(object: KubernetesObject): KubernetesObject {
  const { namespace, ...metadata } = object.metadata;
  return namespace?.includes("${") ? object : { ...object, metadata };
}

function labelled(object: KubernetesObject, labels: Readonly<Record<string, string>>): KubernetesObject {
  return { ...object, metadata: { ...object.metadata, labels: { ...object.metadata.labels, ...labels } } };
}

function fillIn<T>(value: T, values: ReadonlyMap<string, string>): T {
  if (typeof value === "string") return fillInText(value, values) as T;
  if (Array.isArray(value)) return value.map((item) => fillIn(item, values)) as T;
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .map(([key, item]) => [String(fillInText(key, values)), fillIn(item, values)])
      .filter(([, item]) => item !== null),
  ) as T;
}

function fillInText(text: string, values: ReadonlyMap<string, string>): unknown {
  const value = values.get(asValue.exec(text)?.[1] ?? "");
  if (value === undefined) return text.replace(asText, (whole, name) => values.get(name) ?? whole);
  try {
    return JSON.parse(value);
  } catch {
    return value;
  }
}
