import { describe, expect, it } from "vitest";
import { type Circumstances, problemLine, problemsOf } from "../../src/core/problems.ts";

const calm: Circumstances = {
  watched: 3,
  troubles: [],
  endpoint: { state: "up", host: "api.example" },
  failing: [],
  waiting: 0,
  pushRegistry: "quay.example/mirror",
};

const unavailable = {
  state: "waiting",
  reason: "RegistryUnavailable",
  host: "quay.example",
  since: 5,
  message: "refused",
} as const;

function told(changes: Partial<Circumstances>): readonly string[] {
  return problemsOf({ ...calm, ...changes }).map((problem) => `${problem.kind} | ${problemLine(problem)}`);
}

describe("what is wrong now", () => {
  it("is nothing when all is well", () => {
    expect(told({ waiting: 12 })).toEqual([]);
  });

  it.each<readonly [string, Partial<Circumstances>, readonly string[]]>([
    [
      "a cluster that is down",
      { troubles: ["a", "b", "c"].map((namespace) => ({ namespace, reason: "Unavailable" as const, message: "503", since: 1 })) },
      ["cluster | The cluster does not answer: no builds are seen"],
    ],
    [
      "one namespace of several",
      { troubles: [{ namespace: "bank", reason: "Forbidden", message: "Grant it", since: 1 }] },
      ["namespaces | Namespace bank is not watched"],
    ],
    [
      "many namespaces of more",
      {
        watched: 200,
        troubles: Array.from({ length: 150 }, (_, index) => ({ namespace: `ns-${index}`, message: "Grant it", since: 1 })),
      },
      ["namespaces | 150 of 200 namespaces are not watched: ns-0, ns-1, ns-2 and 147 more"],
    ],
    [
      "the push registry, by name",
      { failing: [{ ...unavailable, jobs: 50 }], waiting: 50 },
      ["push-registry | Push registry quay.example does not answer: 50 jobs wait for it"],
    ],
    [
      "another registry, by name",
      { failing: [{ ...unavailable, host: "docker.io", reason: "RateLimited", jobs: 1 }], waiting: 1 },
      ["registry | Registry docker.io limits requests: 1 job waits for it"],
    ],
    [
      "waiting and failed jobs of one cause as one",
      {
        failing: [
          { ...unavailable, jobs: 3 },
          { ...unavailable, state: "failed", jobs: 2 },
        ],
        waiting: 3,
      },
      ["push-registry | Push registry quay.example does not answer: 3 jobs wait for it, 2 failed"],
    ],
    [
      "the endpoint, for which all wait that wait for nothing else",
      { endpoint: { state: "down", host: "api.example", downSince: 7 }, failing: [{ ...unavailable, jobs: 4 }], waiting: 10 },
      [
        "push-registry | Push registry quay.example does not answer: 4 jobs wait for it",
        "endpoint | Analysis endpoint api.example takes no submissions: 6 jobs wait for it",
      ],
    ],
    [
      "a full disk",
      { failing: [{ state: "waiting", reason: "DiskFull", jobs: 2, since: 1, message: "ENOSPC" }], waiting: 2 },
      ["disk | The disk of the state directory is full: 2 jobs wait for it"],
    ],
    [
      "one tenant whose images are gone",
      { failing: [{ state: "failed", reason: "ImageNotFound", namespace: "bank", jobs: 7, since: 1, message: "gone" }] },
      ["failed-jobs | Image not found in namespace bank: 7 jobs failed"],
    ],
    [
      "analyses that all fail",
      { analyses: { failed: 10, lastHour: { ended: 10, failed: 10 } } },
      ["analyses | All analyses of the last hour failed: 10"],
    ],
  ])("names %s", (_name, changes, lines) => {
    expect(told(changes)).toEqual(lines);
  });

  it("puts the biggest first, and says since when and what to do", () => {
    const problems = problemsOf({
      ...calm,
      troubles: [{ namespace: undefined, reason: "Unauthorized", message: "run oc login", since: 3 }],
      endpoint: { state: "down", host: "api.example", downSince: 7, message: "ECONNREFUSED" },
      failing: [
        { state: "failed", reason: "AnalyzerRejected", jobs: 100, since: 1, message: "400" },
        { ...unavailable, reason: "RegistryDenied", state: "failed", jobs: 1 },
      ],
      waiting: 5,
    });
    expect(problems.map(({ kind }) => kind)).toEqual(["cluster", "push-registry", "endpoint", "failed-jobs"]);
    expect(problems.map(({ since }) => since)).toEqual([3, 5, 7, 1]);
    expect(problems[1]?.remedy).toContain("THOTH_DST_REGISTRY_USER");
    expect(problems[2]).toMatchObject({ detail: "ECONNREFUSED", waiting: 5 });
  });

  it("does not blame an endpoint that is up again for jobs that are due later", () => {
    expect(
      told({ failing: [{ state: "waiting", reason: "AnalyzerUnavailable", jobs: 3, since: 1, message: "503" }], waiting: 3 }),
    ).toEqual([]);
  });
});
