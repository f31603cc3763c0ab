import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type BuildOutcome, eachImage } from "../../src/core/builds/build-outcome.ts";
import { formatImageName } from "../../src/core/images/image-name.ts";
import { buildSources } from "../../src/sources/index.ts";
import { mostImages } from "../../src/sources/objects/type-hints.ts";
import { digestOf } from "../support/fixtures.ts";
import { aRun, condition, type RunKind, type RunObject, results } from "../support/runs.ts";

const sources = buildSources({ ignoreResults: ["SOURCE_*"] }).slice(1);
const digest = digestOf("a");

function classify(kind: RunKind, change?: (run: RunObject) => void): BuildOutcome {
  const source = sources.find((its) => its.kind === kind);
  if (!source) throw new Error(`no source for ${kind}`);
  return source.classify(aRun(kind, change));
}

function told(outcome: BuildOutcome): string {
  if (outcome.kind === "ignored") return outcome.because;
  if (outcome.kind === "pending") return `pending ${outcome.phase}`;
  const images = outcome.outputs
    .map(formatImageName)
    .map((name) => name.replace(/@sha256:(.{4}).*/, "@$1"))
    .join();
  return outcome.kind === "failed" ? `failed ${outcome.reason} ${images}`.trim() : images;
}

describe("a BuildRun of Shipwright", () => {
  const ended = (status: "True" | "False" | "Unknown", reason: string) => (run: RunObject) => {
    run.status.conditions = condition(status, reason);
  };

  it("is told with what it made, from what, and of which Build", () => {
    expect(classify("BuildRun")).toMatchObject({
      kind: "succeeded",
      build: { kind: "BuildRun", namespace: "shop", name: "checkout-buildrun-7xk2p" },
      buildConfig: "shop/checkout",
      ownerKind: "Build",
      origin: "https://git.example.com/shop/checkout.git",
      commit: "4f2d8b0c4f8d1f5a0c1b7c9be6f3b3c7d1a9e5f0",
      completedAt: "2026-11-26T09:15:44Z",
    });
    expect(told(classify("BuildRun"))).toBe("quay.example.com/shop/checkout@9f1c");
  });

  it.each<[string, (run: RunObject) => void, string]>([
    [
      "its Build's image where it has none of its own",
      (run) => void delete run.spec.output,
      "quay.example.com/shop/checkout@9f1c",
    ],
    [
      "the tag where its strategy told no digest",
      (run) => void Object.assign(run.status, { output: {} }),
      "quay.example.com/shop/checkout:1.8.3",
    ],
    [
      "the digest of a strategy that ends it with a line break",
      (run) => void Object.assign(run.status, { output: { digest: `${digest}\n` } }),
      `quay.example.com/shop/checkout@${digest.slice(7, 11)}`,
    ],
    ["an end that is being cancelled", ended("Unknown", "BuildRunCanceled"), "pending Running"],
    ["a cancelled one", ended("False", "BuildRunCanceled"), "cancelled"],
    ["one whose pipeline was cancelled", ended("False", "Cancelled"), "cancelled"],
    [
      "one that was refused though its end is set, without any executor",
      (run) =>
        void Object.assign(run, {
          status: { conditions: condition("False", "BuildNotFound"), completionTime: "2026-11-26T09:12:02Z" },
        }),
      "failed BuildNotFound",
    ],
    [
      "one that a PipelineRun executed",
      (run) => void Object.assign(run.status, { executor: { kind: "PipelineRun", name: "x" }, taskRunName: undefined }),
      "quay.example.com/shop/checkout@9f1c",
    ],
    [
      "one for several platforms, whose digest is that of an index",
      (run) => {
        const platforms = [
          { os: "linux", arch: "amd64" },
          { os: "linux", arch: "arm64" },
        ];
        Object.assign(run.status.buildSpec as object, { output: { image: "quay.example.com/shop/checkout:latest", platforms } });
        Object.assign(run.status, { executor: { kind: "PipelineRun", name: "x" }, taskRunName: undefined });
      },
      "quay.example.com/shop/checkout@9f1c",
    ],
    [
      "one that fits neither its Build nor what it came from any more: what counts is how it began",
      (run) => void Object.assign(run, { spec: { build: { name: "gone" } } }),
      "quay.example.com/shop/checkout@9f1c",
    ],
    ["one that ran out of memory", ended("False", "StepOutOfMemory"), "failed StepOutOfMemory"],
    ["one out of time", ended("False", "BuildRunTimeout"), "failed BuildRunTimeout"],
    ["one with vulnerabilities, which was not pushed", ended("False", "VulnerabilitiesFound"), "failed VulnerabilitiesFound"],
    [
      "one that was refused before it ran",
      (run) => void Object.assign(run, { status: { conditions: condition("False", "BuildNotFound") } }),
      "failed BuildNotFound",
    ],
    ["one that has not begun", (run) => void Object.assign(run, { status: undefined }), "pending Pending"],
    [
      "one that is left alone",
      (run) => void Object.assign(run.metadata, { annotations: { "build-watcher.thoth-station.ninja/skip": "true" } }),
      "excluded",
    ],
    [
      "one without any image",
      (run) => void Object.assign(run, { spec: {}, status: { conditions: condition("True", "Succeeded") } }),
      "no-output-image",
    ],
  ])("knows %s", (_, change, expected) => {
    expect(told(classify("BuildRun", change))).toBe(expected);
  });

  it("has no repository when it was built from local files", () => {
    const outcome = classify("BuildRun", ({ status }) => {
      Object.assign(status, { source: undefined });
      Object.assign(status.buildSpec as object, { source: { type: "Local", local: { name: "upload", timeout: "1m" } } });
    });
    expect(told(outcome)).toBe("quay.example.com/shop/checkout@9f1c");
    expect(outcome).not.toHaveProperty("origin");
    expect(outcome).not.toHaveProperty("commit");
  });

  it.each(["PipelineRun", "TaskRun"] as const)("is not reported again by the %s that executes it", (kind) => {
    const labelled = (run: RunObject) =>
      void Object.assign(run.metadata.labels as object, { "buildrun.shipwright.io/name": "x" });
    const referred = (run: RunObject) => void Object.assign(run.metadata, { ownerReferences: [{ kind: "BuildRun", name: "x" }] });
    for (const change of [labelled, referred]) expect(told(classify(kind, change))).toBe("owned");
  });

  it("keeps no values of parameters, which may be secrets, but for its base image", () => {
    const outcome = classify("BuildRun", (run) => {
      run.spec.paramValues = [
        { name: "build-args", values: [{ value: "TOKEN=hush" }] },
        { name: "run-image", value: "quay.io/base/run:1" },
      ];
    });
    expect(JSON.stringify(outcome)).not.toMatch(/hush|NODE_ENV/);
    expect(outcome).toMatchObject({ base: { reference: { repository: "base/run", tag: "1" } } });
  });
});

describe("a TaskRun of Tekton", () => {
  it("is told with its image, though the name ends with a line break", () => {
    const outcome = classify("TaskRun");
    expect(told(outcome)).toBe("quay.example.com/shop/cart@1a79");
    expect(outcome).toMatchObject({
      build: { kind: "TaskRun" },
      buildConfig: "shop/buildah",
      ownerKind: "Task",
      origin: "https://git.example.com/shop/cart.git",
      commit: "b1946ac92492d2347c6235b4d2611184b1946ac9",
    });
  });

  it("is told with the bill of materials it pushed beside its image", () => {
    const blob = digestOf("a document");
    const outcome = classify("TaskRun", (run) => {
      run.status.results = [
        ...(run.status.results as object[]),
        ...results({ SBOM_BLOB_URL: `quay.example.com/shop/cart@${blob}\n`, OTHER_SBOM_BLOB_URL: "no reference" }),
      ];
    });
    expect(outcome).toMatchObject({ documents: [{ repository: "shop/cart", digest: blob }] });
    expect(classify("TaskRun")).not.toHaveProperty("documents");
  });

  it.each<[string, (run: RunObject) => void, string]>([
    [
      "is retried, and failed for a moment",
      (run) => void Object.assign(run.status, { conditions: condition("False", "StepFailed"), completionTime: undefined }),
      "pending Running",
    ],
    [
      "is to be retried",
      (run) => void Object.assign(run.status, { conditions: condition("Unknown", "ToBeRetried"), completionTime: undefined }),
      "pending Running",
    ],
    [
      "failed, which its pipeline ignores",
      (run) => void Object.assign(run.status, { conditions: condition("False", "FailureIgnored") }),
      "failed FailureIgnored quay.example.com/shop/cart@1a79",
    ],
    [
      "failed before it made its image",
      (run) => void Object.assign(run.status, { conditions: condition("False", "StepOOM"), results: [] }),
      "failed StepOOM",
    ],
    [
      "failed and builds no image",
      (run) => void Object.assign(run.status, { conditions: condition("False", "Failed"), results: [], taskSpec: {} }),
      "no-output-image",
    ],
    [
      "was cancelled",
      (run) => void Object.assign(run.status, { conditions: condition("False", "TaskRunCancelled"), results: [] }),
      "cancelled",
    ],
    [
      "was cancelled after it had pushed",
      (run) => void Object.assign(run.status, { conditions: condition("False", "TaskRunCancelled") }),
      "failed TaskRunCancelled quay.example.com/shop/cart@1a79",
    ],
    [
      "is part of a BuildRun and repeats its image",
      (run) => void Object.assign(run.metadata, { labels: { "buildrun.shipwright.io/name": "x" } }),
      "owned",
    ],
    [
      "belongs to a BuildRun by reference",
      (run) => void Object.assign(run.metadata, { ownerReferences: [{ kind: "BuildRun" }] }),
      "owned",
    ],
    [
      "tells a digest alone, beside the name it was told",
      (run) => void Object.assign(run.status, { results: results({ IMAGE_DIGEST: digest }) }),
      `quay.example.com/shop/cart@${digest.slice(7, 11)}`,
    ],
    [
      "tells a digest alone, and pushes where its task says by default",
      (run) => {
        run.spec.params = [];
        const params = [{ name: "IMAGE", default: "quay.io/shop/by-default:1" }];
        Object.assign(run.status, { results: results({ IMAGE_DIGEST: digest }), taskSpec: { params } });
      },
      `quay.io/shop/by-default@${digest.slice(7, 11)}`,
    ],
    [
      "tells a digest of what nobody named",
      (run) => void Object.assign(run, { spec: {}, status: { ...run.status, results: results({ IMAGE_DIGEST: digest }) } }),
      "no-output-image",
    ],
    ["tests something", (run) => void Object.assign(run.status, { results: results({ TEST_OUTPUT: "ok" }) }), "no-output-image"],
    [
      "failed, though Tekton Chains signed it",
      (run) => {
        run.metadata.annotations = { "chains.tekton.dev/signed": "true" };
        Object.assign(run.status, { conditions: condition("False", "Failed"), results: [] });
      },
      "failed Failed",
    ],
    [
      "made its image, though Tekton Chains could not sign it",
      (run) => {
        run.metadata.annotations = { "chains.tekton.dev/signed": "failed", "chains.tekton.dev/retries": "3" };
      },
      "quay.example.com/shop/cart@1a79",
    ],
    [
      "was stopped because its pipeline ran out of time",
      (run) => {
        run.spec.statusMessage = "TaskRun cancelled as the PipelineRun it belongs to has timed out.";
        Object.assign(run.status, { conditions: condition("False", "TaskRunCancelled"), results: [] });
      },
      "cancelled",
    ],
    [
      "is run by another controller",
      (run) => void Object.assign(run.spec, { managedBy: "kueue.x-k8s.io/multikueue" }),
      "quay.example.com/shop/cart@1a79",
    ],
  ])("that %s", (_, change, expected) => {
    expect(told(classify("TaskRun", change))).toBe(expected);
  });
});

it("a run that tells only a digest that is to be ignored names no image", () => {
  const [, , task] = buildSources({ ignoreResults: ["IMAGE_*"] }).slice(1);
  const run = aRun("TaskRun", ({ status }) => Object.assign(status, { results: results({ IMAGE_DIGEST: digest }) }));
  expect(task?.kind).toBe("TaskRun");
  expect(told(task?.classify(run) as BuildOutcome)).toBe("no-output-image");
});

describe("a PipelineRun of Tekton", () => {
  it("is told with its image, its repository and what triggered it", () => {
    const outcome = classify("PipelineRun");
    expect(told(outcome)).toBe("quay.io/example-shop/checkout@5891");
    expect(outcome).toMatchObject({
      build: { kind: "PipelineRun" },
      ownerKind: "Pipeline",
      origin: "https://github.com/example-shop/checkout",
      commit: "9e107d9d372bb6826bd81d3542a419d6e4b2c1a0",
      buildConfig: "shop-tenant/checkout-on-push",
      trigger: "push, component checkout of shop",
    });
  });

  it.each<[string, (run: RunObject) => void, string]>([
    [
      "failed after it had pushed",
      (run) => void Object.assign(run.status, { conditions: condition("False", "Failed") }),
      "failed Failed quay.io/example-shop/checkout@5891",
    ],
    [
      "could not read all its results",
      (run) => void Object.assign(run.status, { conditions: condition("False", "CouldntGetPipelineResult") }),
      "failed CouldntGetPipelineResult quay.io/example-shop/checkout@5891",
    ],
    [
      "was cancelled after it had pushed",
      (run) => void Object.assign(run.status, { conditions: condition("False", "Cancelled") }),
      "failed Cancelled quay.io/example-shop/checkout@5891",
    ],
    [
      "was cancelled before",
      (run) => void Object.assign(run.status, { conditions: condition("False", "Cancelled"), results: [] }),
      "cancelled",
    ],
    [
      "ran out of time after it had pushed",
      (run) => void Object.assign(run.status, { conditions: condition("False", "PipelineRunTimeout") }),
      "failed PipelineRunTimeout quay.io/example-shop/checkout@5891",
    ],
    [
      "is being cancelled",
      (run) =>
        void Object.assign(run.status, {
          conditions: condition("Unknown", "CancelledRunningFinally"),
          completionTime: undefined,
        }),
      "pending Running",
    ],
    [
      "skipped some tasks",
      (run) => void Object.assign(run.status, { conditions: condition("True", "Completed") }),
      "quay.io/example-shop/checkout@5891",
    ],
    ["has not begun", (run) => void Object.assign(run, { status: {} }), "pending Pending"],
  ])("that %s", (_, change, expected) => {
    expect(told(classify("PipelineRun", change))).toBe(expected);
  });

  it("is of the pipeline that its label, its reference or Pipelines-as-Code names, its parts of the same", () => {
    const ownerWith = (kind: RunKind, labels: object, pipelineRef?: object) =>
      classify(kind, ({ metadata, spec }) => {
        Object.assign(metadata, { namespace: "shop", name: "cart-x7k2p", labels });
        Object.assign(spec, { pipelineRef });
      });
    const [own, other] = [{ "tekton.dev/pipeline": "cart-x7k2p" }, { "tekton.dev/pipeline": "cart" }];
    const code = { ...own, "pipelinesascode.tekton.dev/original-prname": "cart-on-push" };
    for (const [labels, name] of [
      [own, "shop/cart"],
      [other, "shop/cart"],
      [code, "shop/cart-on-push"],
    ] as const) {
      expect(ownerWith("PipelineRun", labels)).toMatchObject({ buildConfig: name });
      expect(ownerWith("TaskRun", { ...labels, "tekton.dev/pipelineRun": "cart-x7k2p" })).toMatchObject({ pipeline: name });
    }
    expect(ownerWith("PipelineRun", code, { name: "shared" })).toMatchObject({ buildConfig: "shop/shared" });
  });

  it("is read from the forge's annotations where it names no repository", () => {
    expect(
      classify(
        "PipelineRun",
        (run) => void Object.assign(run.status, { results: results({ IMAGE_URL: "quay.io/a", IMAGE_DIGEST: digest }) }),
      ),
    ).toMatchObject({
      origin: "https://github.com/example-shop/checkout",
      commit: "9e107d9d372bb6826bd81d3542a419d6e4b2c1a0",
    });
  });

  it("is of the repository that a result names before a parameter, a parameter before its default, and all before annotations", () => {
    const from = (change: (run: RunObject) => void) => {
      const outcome = classify("PipelineRun", (run) => {
        run.status.results = results({ IMAGE_URL: "quay.io/a", IMAGE_DIGEST: digest });
        change(run);
      });
      return "origin" in outcome ? outcome.origin : undefined;
    };
    const git = (of: string) => ({ name: "CHAINS-GIT_URL", value: `https://git.example.com/${of}` });
    const byDefault = ({ status }: RunObject) =>
      void Object.assign(status, { pipelineSpec: { params: [{ name: git("").name, default: git("default").value }] } });
    const byParameter = (run: RunObject) => {
      byDefault(run);
      run.spec.params = [git("parameter")];
    };
    const byResult = (run: RunObject) => {
      byParameter(run);
      run.status.results = [...(run.status.results as object[]), git("result")];
    };
    const byInputs = ({ status }: RunObject) => {
      const value = { uri: "git+https://git.example.com/inputs", digest: `sha1:${"a".repeat(40)}` };
      status.results = [...(status.results as object[]), { name: "repo-ARTIFACT_INPUTS", value }];
    };
    expect([byDefault, byParameter, byResult, byInputs].map(from)).toEqual(
      ["default", "parameter", "result", "inputs"].map((of) => git(of).value),
    );
  });

  it("with several images is as many jobs, each by its own", () => {
    const outcome = classify(
      "PipelineRun",
      (run) => void Object.assign(run.status, { results: results({ IMAGES: `quay.io/x@${digest},quay.io/y@${digest}` }) }),
    );
    const ids = eachImage(outcome).map((each) => ("imageId" in each ? each.imageId : undefined));
    expect(new Set(ids).size).toBe(2);
    expect(ids.every((id) => /^[0-9a-f]{12}$/.test(id ?? ""))).toBe(true);
  });
});

describe("a Build of kpack", () => {
  const ended = (status: "True" | "False" | "Unknown", reason: string) => (run: RunObject) => {
    run.status.conditions = condition(status, reason);
  };

  it("is told with what it made, from what, on what, and why", () => {
    const outcome = classify("KpackBuild");
    expect(told(outcome)).toBe("quay.example.com/shop/cart@c3ab");
    expect(outcome).toMatchObject({
      build: { kind: "KpackBuild", namespace: "shop", name: "cart-build-27-m4x2k" },
      buildConfig: "shop/cart",
      ownerKind: "Image",
      base: { reference: { registry: "docker.io", repository: "paketobuildpacks/run-jammy-base", digest: expect.any(String) } },
      origin: "https://git.example.com/shop/cart.git",
      commit: "4f2d8b0c4f8d1f5a0c1b7c9be6f3b3c7d1a9e5f0",
      trigger: "COMMIT",
      completedAt: "2026-11-26T12:04:10Z",
    });
    expect(JSON.stringify(outcome)).not.toContain("hush");
  });

  it.each<[string, (run: RunObject) => void, string]>([
    ["runs", ended("Unknown", "Running"), "pending Running"],
    ["has no pod yet", (run) => void Object.assign(run, { status: {} }), "pending Pending"],
    ["failed", ended("False", ""), "failed Failed"],
    ["names no image", (run) => void delete run.status.latestImage, "no-output-image"],
    ["names what is no image", (run) => void Object.assign(run.status, { latestImage: "https://" }), "no-output-image"],
  ])("that %s", (_, change, expected) => {
    expect(told(classify("KpackBuild", change))).toBe(expected);
  });

  it("names a commit, not a branch", () => {
    const git = { url: "https://git.example.com/shop/cart.git", revision: "main" };
    expect(classify("KpackBuild", (run) => void Object.assign(run.spec, { source: { git } }))).not.toHaveProperty("commit");
  });
});

it.each<[string, RunKind, (run: RunObject) => void, string | undefined]>([
  ["a BuildRun's digest may be another than the one pushed", "BuildRun", () => {}, "by-tag"],
  ["what a pair names was pushed", "TaskRun", () => {}, undefined],
  [
    "a digest alone may never have been pushed",
    "TaskRun",
    (run) => void Object.assign(run.status, { results: results({ IMAGE_DIGEST: digest }) }),
    "leave-out",
  ],
  [
    "a run that failed may not have come to push",
    "PipelineRun",
    (run) => void Object.assign(run.status, { conditions: condition("False", "Failed") }),
    "leave-out",
  ],
])("%s", (_, kind, change, expected) => {
  expect(classify(kind, change)).toHaveProperty("outputs.length", 1);
  const { ifMissing } = classify(kind, change) as { ifMissing?: string };
  expect(ifMissing).toBe(expected);
});

it("a run that names thousands of images is taken in with the first of them, and the others are counted", () => {
  const names = Array.from({ length: 3_000 }, (_, index) => `quay.io/x/y${index}@${digest}`);
  const lists = Array.from({ length: 30 }, (_, index) => names.slice(index * 100, index * 100 + 100).join("\n"));
  const outcome = classify("PipelineRun", (run) => void Object.assign(run.status, { results: results({ IMAGES: lists }) }));
  expect(outcome).toHaveProperty("outputs.length", mostImages);
  expect(outcome).toMatchObject({ leftOut: 3_000 - mostImages, outputs: { 0: { reference: { repository: "x/y0" } } } });
  expect(classify("PipelineRun")).not.toHaveProperty("leftOut");
});

it.each(sources.map(({ kind }) => kind as RunKind))("a %s is left alone where its annotation says so, in every state", (kind) => {
  const skip = { "build-watcher.thoth-station.ninja/skip": "true" };
  for (const [status, reason] of [
    ["True", "Succeeded"],
    ["False", "Failed"],
    ["Unknown", "Running"],
  ] as const) {
    const change = (annotations: object) => (run: RunObject) => {
      run.metadata.annotations = annotations;
      run.status.conditions = condition(status, reason);
    };
    expect(told(classify(kind, change(skip)))).toBe("excluded");
    expect(told(classify(kind, change({ ...skip, "build-watcher.thoth-station.ninja/skip": "false" })))).not.toBe("excluded");
  }
});

it.each(sources)("$kind never throws, whatever the server sends", (source) => {
  const anything = fc.record({
    metadata: fc.oneof(fc.constant({ namespace: "shop", name: "x", uid: "u" }), fc.jsonValue()),
    spec: fc.jsonValue(),
    status: fc.oneof(
      fc.record({ conditions: fc.constant(condition("True", "x")), results: fc.jsonValue(), completionTime: fc.constant("x") }),
      fc.jsonValue(),
    ),
  });
  fc.assert(
    fc.property(fc.oneof(anything, fc.jsonValue()), (value) => void source.classify(value)),
    { numRuns: 300 },
  );
});
