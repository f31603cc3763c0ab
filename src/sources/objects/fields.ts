import type { BuildKey } from "../../core/builds/build.ts";
import { type BuildFacts, skipAnnotation } from "../../core/builds/build-outcome.ts";
import { isObjectName } from "../../core/builds/object-name.ts";
import { longestId, outsideText } from "../../core/outside-text.ts";

/** The metadata of Kubernetes objects. Everything is optional: a malformed field can cost one build its analysis, but must not stop the watch. */
export interface Metadata {
  readonly name?: string;
  readonly namespace?: string;
  readonly uid?: string;
  readonly resourceVersion?: string;
  readonly creationTimestamp?: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly ownerReferences?: readonly { readonly kind?: string }[] | null;
}

/** The object's identity; undefined if no API server would keep such an object. */
export function keyOf(metadata: Metadata | undefined, kind?: string): BuildKey | undefined {
  const { namespace, name, uid } = record(metadata) as Metadata;
  if (!isObjectName(namespace) || !isObjectName(name) || !isUid(uid)) return undefined;
  return { ...(kind !== undefined && { kind }), namespace, name, uid };
}

function isUid(uid: unknown): uid is string {
  return typeof uid === "string" && /^[\w.:-]+$/.test(uid) && uid.length <= longestId;
}

/** Whether the object has the skip annotation. */
export function isSkipped(metadata: Metadata | undefined): boolean {
  return stringsOf(metadata?.annotations)[skipAnnotation] === "true";
}

/** Labels or annotations, without values that are not texts. */
export function stringsOf(given: unknown): Readonly<Record<string, string>> {
  return Object.fromEntries(Object.entries(record(given)).filter(([, value]) => typeof value === "string")) as Record<
    string,
    string
  >;
}

/** The most labels of an object that are kept, and the characters of a key and a value: an API server allows no longer ones, but thousands of them. */
const mostLabels = 200;
const longestLabel = { key: 317, value: 253 };

/** Labels as they are kept with a build: so many as people give, without values that are not texts. */
export function labelsOf(metadata: Metadata | undefined): Readonly<Record<string, string>> {
  const given = record(metadata?.labels) as Readonly<Record<string, unknown>>;
  const kept: [string, string][] = [];
  for (const key in given) {
    if (kept.length >= mostLabels) break;
    const value = given[key];
    if (typeof value === "string" && key.length <= longestLabel.key && value.length <= longestLabel.value)
      kept.push([key, value]);
  }
  return Object.fromEntries(kept);
}

/** `namespace/name` of what a build was made from; undefined when it is not a valid name. */
export function ownerName(namespace: unknown, name: unknown): string | undefined {
  return isObjectName(namespace) && isObjectName(name) ? `${namespace}/${name}` : undefined;
}

/** The facts that are known. */
export function known(facts: { readonly [Name in keyof BuildFacts]: BuildFacts[Name] | undefined }): BuildFacts {
  return Object.fromEntries(Object.entries(facts).filter(([, value]) => value !== undefined)) as unknown as BuildFacts;
}

/** When a build began, if that is known. */
export function startOf(time: unknown): { readonly startedAt?: string } {
  const startedAt = outsideText(time, longestId);
  return startedAt === undefined ? {} : { startedAt };
}

/** The objects in a list that can be missing. */
export function entries<T>(list: readonly T[] | null | undefined): readonly T[] {
  return Array.isArray(list) ? list.filter((entry) => typeof entry === "object" && entry !== null) : [];
}

function record(value: unknown): object {
  return typeof value === "object" && value !== null ? value : {};
}
