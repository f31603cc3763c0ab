import { describe, expect, it } from "vitest";
import { problemLine } from "../../../src/core/jobs/problem-words.ts";
import { type AnalyzerState, type Circumstances, problemsOf } from "../../../src/core/jobs/problems.ts";

const thoth: AnalyzerState = {
  name: "thoth",
  state: "up",
  waiting: 0,
  address: { setting: "THOTH_USER_API_HOST", host: "api.example" },
};

const track: AnalyzerState = {
  name: "dependency-track",
  state: "up",
  waiting: 0,
  address: { setting: "BUILD_WATCHER_DEPENDENCY_TRACK_URL", host: "dt.example" },
};

const calm: Circumstances = {
  watched: 3,
  troubles: [],
  analyzers: [thoth],
  failing: [],
  pushRegistry: "quay.example/mirror",
};

const unavailable = {
  state: "waiting",
  analyzer: "thoth",
  reason: "RegistryUnavailable",
  host: "quay.example",
  since: 5,
  message: "refused",
} as const;

const { host: _, ...hostless } = unavailable;

function told(changes: Partial<Circumstances>): readonly string[] {
  return problemsOf({ ...calm, ...changes }).map((problem) => `${problem.kind} | ${problemLine(problem)}`);
}

describe("what is wrong now", () => {
  it("is nothing when all is well", () => {
    expect(told({ analyzers: [{ ...thoth, waiting: 12 }] })).toEqual([]);
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
      { failing: [{ ...unavailable, jobs: 50 }] },
      ["push-registry | Push registry quay.example does not answer: 50 jobs wait for it"],
    ],
    [
      "another registry, by name",
      { failing: [{ ...unavailable, host: "docker.io", reason: "RateLimited", jobs: 1 }] },
      ["registry | Registry docker.io limits requests: 1 job waits for it"],
    ],
    [
      "waiting and failed jobs of one cause as one",
      {
        failing: [
          { ...unavailable, jobs: 3 },
          { ...unavailable, state: "failed", jobs: 2 },
        ],
      },
      ["push-registry | Push registry quay.example does not answer: 3 jobs wait for it, 2 failed"],
    ],
    [
      "the endpoint, for which all wait that wait for nothing else",
      { analyzers: [{ ...thoth, state: "down", downSince: 7, waiting: 10 }], failing: [{ ...unavailable, jobs: 4 }] },
      [
        "push-registry | Push registry quay.example does not answer: 4 jobs wait for it",
        "endpoint | Analysis endpoint api.example accepts no submissions: 6 jobs wait for it",
      ],
    ],
    [
      "only the analyzer that is down, with its own jobs",
      {
        analyzers: [
          { ...thoth, waiting: 40 },
          { ...track, state: "down", downSince: 7, waiting: 10 },
        ],
        failing: [
          { ...unavailable, analyzer: "dependency-track", jobs: 4 },
          { ...unavailable, jobs: 3 },
        ],
      },
      [
        "push-registry | Push registry quay.example does not answer: 7 jobs wait for it",
        "endpoint | Analysis endpoint dt.example (dependency-track) accepts no submissions: 6 jobs wait for it",
      ],
    ],
    [
      "several analyzers that are down, each by itself",
      {
        analyzers: [
          { ...thoth, state: "down", waiting: 1 },
          { name: "grype", state: "down", waiting: 2 },
        ],
      },
      [
        "endpoint | Analyzer grype accepts no submissions: 2 jobs wait for it",
        "endpoint | Analysis endpoint api.example accepts no submissions: 1 job waits for it",
      ],
    ],
    [
      "the analyzer that gave jobs up, by where they failed",
      {
        analyzers: [thoth, { name: "rhacs", state: "up", waiting: 5 }],
        failing: [
          { ...unavailable, analyzer: "rhacs", reason: "AnalyzerUnavailable", host: "central", state: "failed", jobs: 2 },
        ],
      },
      ["endpoint | Analysis endpoint central (rhacs) accepted no submissions: 2 jobs failed"],
    ],
    [
      "a full disk",
      { failing: [{ ...hostless, reason: "DiskFull", jobs: 2 }] },
      ["disk | The disk of the state directory is full: 2 jobs wait for it"],
    ],
    [
      "one tenant whose images are gone",
      { failing: [{ ...hostless, state: "failed", reason: "ImageNotFound", namespace: "bank", jobs: 7 }] },
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
      analyzers: [thoth, { ...track, state: "down", downSince: 7, message: "ECONNREFUSED", waiting: 5 }],
      failing: [
        { ...hostless, state: "failed", reason: "AnalyzerRejected", jobs: 100, since: 1, message: "400" },
        { ...unavailable, reason: "RegistryDenied", state: "failed", jobs: 1 },
      ],
    });
    expect(problems.map(({ kind }) => kind)).toEqual(["cluster", "push-registry", "endpoint", "failed-jobs"]);
    expect(problems.map(({ since }) => since)).toEqual([3, 5, 7, 1]);
    expect(problems[1]?.remedy).toContain("THOTH_DST_REGISTRY_USER");
    expect(problems[2]).toMatchObject({ detail: "ECONNREFUSED", waiting: 5, analyzer: "dependency-track" });
    expect(problems[2]?.remedy).toContain("BUILD_WATCHER_DEPENDENCY_TRACK_URL");
  });

  it("does not blame an endpoint that is up again for jobs that are due later", () => {
    expect(
      told({
        analyzers: [{ ...thoth, waiting: 3 }],
        failing: [{ ...unavailable, reason: "AnalyzerUnavailable", jobs: 3 }],
      }),
    ).toEqual([]);
  });
});
