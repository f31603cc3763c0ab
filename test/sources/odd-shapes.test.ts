import { describe, expect, it } from "vitest";
import { buildSources, knownSources } from "../../src/sources/index.ts";
import { classified } from "../../src/sources/objects/classified.ts";
import { aBuild } from "../support/fixtures.ts";
import { aRun, type RunKind, results } from "../support/runs.ts";

/** What a field can hold in the place of what its type says: an operator's CRD can let everything through. */
const odd: readonly unknown[] = [
  null,
  0,
  "",
  "text",
  true,
  [],
  [null],
  [[]],
  [5],
  {},
  { a: null },
  { name: 5, value: 5 },
  "x".repeat(100_000),
];

const artifacts = {
  outputs: [{ buildOutput: true, values: [{ uri: "oci://quay.io/a/b", digest: { sha256: "1".repeat(64) } }] }],
};
const structured = { uri: "quay.io/a/b", digest: `sha256:${"1".repeat(64)}`, isBuildArtifact: "true" };

/** The kinds with more in them than their fixture shows. */
const special: Readonly<Record<string, object>> = {
  Build: aBuild({ name: "app-1", namespace: "shop", labels: { a: "b" } }),
  PipelineRun: aRun("PipelineRun", ({ status }) => Object.assign(status, { artifacts })),
  TaskRun: aRun("TaskRun", ({ status }) =>
    Object.assign(status, {
      artifacts,
      results: [
        ...((status.results as object[] | undefined) ?? []),
        ...results({ "x-ARTIFACT_OUTPUTS": structured, "x-ARTIFACT_INPUTS": structured, IMAGES: "a,b" }),
      ],
    }),
  ),
};

const whole = knownSources.map(({ kind }) => [kind, special[kind] ?? aRun(kind as RunKind)] as const);

type Path = readonly (string | number)[];

/** Where an object holds something, at any depth. */
function pathsOf(value: unknown, path: Path = []): readonly Path[] {
  if (typeof value !== "object" || value === null) return [path];
  const entries: (readonly [string, unknown])[] = Object.entries(value);
  return [path, ...entries.flatMap(([key, inner]) => pathsOf(inner, [...path, key]))];
}

function replaced(value: unknown, [key, ...rest]: Path, by: unknown): unknown {
  if (key === undefined) return by;
  const copy = Array.isArray(value) ? [...value] : { ...(value as object) };
  (copy as Record<string | number, unknown>)[key] = replaced((value as Record<string | number, unknown>)[key], rest, by);
  return copy;
}

describe("an object of odd shape", () => {
  it.each(whole)("costs a %s its analysis at most, never the watch", (kind, object) => {
    const source = buildSources({ ignoreResults: ["SOURCE_*"] }).find((its) => its.kind === kind);
    expect(source).toBeDefined();
    const paths = pathsOf(object);
    expect(paths.length).toBeGreaterThan(20);
    const failures = paths.flatMap((path) =>
      odd.flatMap((by) => {
        try {
          source?.classify(replaced(object, path, by));
          return [];
        } catch (error) {
          return [`${path.join(".")} = ${JSON.stringify(by).slice(0, 40)}: ${error}`];
        }
      }),
    );
    expect(failures).toEqual([]);
  });

  it("at which a source trips is left alone, by its name", () => {
    const source = {
      kind: "TaskRun" as const,
      classify: () => {
        throw new TypeError("cannot read");
      },
    };
    const { metadata } = aRun("TaskRun");
    const { namespace, name, uid } = metadata;
    const build = { kind: "TaskRun", namespace, name, uid };
    expect(classified(source, { metadata })).toEqual({ kind: "ignored", phase: "Error", build, because: "unreadable" });
    for (const nothing of [null, undefined, 5, { metadata: 5 }])
      expect(classified(source, nothing)).toMatchObject({ build: undefined, because: "unreadable" });
  });
});
