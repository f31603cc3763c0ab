import { array, assert, constantFrom, integer, property, tuple } from "fast-check";
import { describe, expect, it } from "vitest";
import { createObjectStore, createRevision, type ObjectStore } from "../../../src/demo/openshift/objects/object-store.ts";
import { resourceKinds } from "../../../src/demo/openshift/objects/resource-kinds.ts";

const names = constantFrom("a-1", "a-2", "b-1", "b", "c-1");
const namespaces = constantFrom("shop", "shop-2", "other");
const changes = array(tuple(constantFrom("put", "remove"), namespaces, names), { maxLength: 40 });

function storeOf(historyLimit: number) {
  const revision = createRevision(100);
  return { revision, store: createObjectStore(resourceKinds.builds, revision, historyLimit) };
}

function apply(store: ObjectStore, [what, namespace, name]: [string, string, string], phase: string): void {
  if (what === "put") store.put({ metadata: { namespace, name }, status: { phase } });
  else store.remove(namespace, name);
}

function texts(store: ObjectStore, resourceVersion: number, namespace?: string, from = ""): string[] {
  return [...store.list(resourceVersion, namespace, from)].map(({ json }) => json);
}

describe("an object store", () => {
  it("lists every version it still knows as it was, whatever happened since", () => {
    assert(
      property(changes, namespaces, names, (steps, namespace, from) => {
        const { store, revision } = storeOf(1000);
        const seen: [number, string[], string[]][] = [];
        for (const [index, step] of steps.entries()) {
          apply(store, step, `phase ${index}`);
          seen.push([revision.current, texts(store, revision.current), texts(store, revision.current, namespace, from)]);
        }
        for (const [version, all, part] of seen) {
          expect(texts(store, version)).toEqual(all);
          expect(texts(store, version, namespace, from)).toEqual(part);
        }
      }),
    );
  });

  it("lists in order of the keys, a namespace's objects only", () => {
    assert(
      property(changes, namespaces, (steps, namespace) => {
        const { store, revision } = storeOf(1000);
        for (const step of steps) apply(store, step, "New");
        const keys = [...store.list(revision.current, undefined, "")].map(({ key }) => key);
        expect(keys).toEqual([...new Set(keys)].sort());
        const own = [...store.list(revision.current, namespace, "")].map(({ key }) => key);
        expect(own).toEqual(keys.filter((key) => key.startsWith(`${namespace}/`)));
      }),
    );
  });

  it("knows the events after a version, or says that it does not", () => {
    assert(
      property(changes, integer({ min: 1, max: 10 }), integer({ min: 90, max: 140 }), (steps, limit, version) => {
        const { store, revision } = storeOf(limit);
        for (const step of steps) apply(store, step, "New");
        const events = store.since(version);
        const complete = Math.max(revision.current - version, 0);
        expect(events?.length).toBe(complete <= limit && version >= 100 ? complete : undefined);
      }),
    );
  });
});
