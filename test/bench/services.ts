import { setTimeout as sleep } from "node:timers/promises";
import { createAnalysisApi, type ReceivedSubmission } from "../../src/demo/analysis-api.ts";
import { createOpenShiftApi } from "../../src/demo/openshift-api.ts";
import { recordedBuilds } from "../support/fixtures.ts";
import { offer } from "./remote.ts";

/** A submission as it has to be posted again, and where the log of its build lies. */
export interface Submission extends Pick<ReceivedSubmission, "endpoint" | "query" | "body"> {
  readonly logPath: string;
}

const namespace = "golang-builder";

/** Builds completed in one turn of the event loop. */
const burst = 20;

/** Builds that may be complete without having been submitted. */
const unsubmitted = 200;

/** Complete builds that stay, as a BuildConfig's history limit keeps some. */
const kept = 100;

const [template] = recordedBuilds().filter(({ metadata }) => metadata.name === "go-hello-world-appimage-1");
const cluster = createOpenShiftApi();
const analysis = createAnalysisApi();
const completedAt = new Map<number, number>();
const madeImages = new Map<number, string>();
const numbers = new Map<string, number>();
const arrivedAt = new Map<number, number>();
analysis.onSubmission((submission) => {
  const number = numberOf(submission);
  if (!arrivedAt.has(number)) arrivedAt.set(number, submission.at);
});

/** An emulated cluster and analysis service, which play through the lives of builds. Builds are numbered from 0. Times are milliseconds. */
const services = {
  /** `installed`: with the APIs of all build systems. */
  async listen(installed = false) {
    if (installed) for (const group of ["shipwright.io", "tekton.dev", "kpack.io"] as const) cluster.install(group);
    await Promise.all([cluster.listen(), analysis.listen()]);
    return { cluster: cluster.url, analysis: analysis.url, namespace };
  },
  /** Resolves when a bot watches so many kinds of builds. */
  watched: (kinds = 1) => cluster.waitFor(({ openWatches }) => openWatches >= kinds),
  /** Builds that run; the first of them will have made these images. */
  run(count: number, images: readonly string[] = []) {
    for (const [number, image] of images.entries()) {
      madeImages.set(number, image);
      numbers.set(image.split("@")[1] ?? "", number);
    }
    for (let number = 0; number < count; number++) put(number, "Running");
  },
  /** Puts complete builds there, for their logs. */
  fill(count: number) {
    for (let number = 0; number < count; number++) put(number, "Complete");
  },
  /** Completes running builds as fast as the cluster can; the time from the first event until the last submission arrived. */
  async completeAll(count: number) {
    for (let number = 0; number < count; number++) {
      complete(number);
      if (number % burst === burst - 1) await turn();
    }
    await analysis.waitFor(() => arrivedAt.size >= count);
    return Math.max(...arrivedAt.values()) - (completedAt.get(0) ?? Number.NaN);
  },
  /** Completes so many running builds a second; the time of each from its event until its submission arrived. */
  async completeEvenly(count: number, rate: number) {
    const begun = performance.now();
    for (let number = 0; number < count; number++) {
      await sleep(Math.max(0, begun + (number * 1000) / rate - performance.now()));
      complete(number);
    }
    await analysis.waitFor(() => arrivedAt.size >= count);
    return [...completedAt].map(([number, time]) => (arrivedAt.get(number) ?? Number.NaN) - time);
  },
  /** Lets builds run, complete and be deleted one after the other, no faster than they are submitted. */
  async live(first: number, count: number) {
    for (let number = first; number < first + count; number++) {
      put(number, "Running");
      complete(number);
      cluster.remove("builds", namespace, nameOf(number - kept));
      completedAt.delete(number - kept);
      if (number - arrivedAt.size >= unsubmitted) await analysis.waitFor(() => number - arrivedAt.size < unsubmitted / 2);
    }
    await analysis.waitFor(() => arrivedAt.size >= first + count);
  },
  submissions: (): readonly Submission[] =>
    analysis.submissions.map((submission) => {
      const { endpoint, query, body } = submission;
      return { endpoint, query, body, logPath: logPathOf(numberOf(submission)) };
    }),
};

export type Services = typeof services;

function complete(number: number): void {
  completedAt.set(number, performance.now());
  put(number, "Complete");
}

/** The recorded build of the application under another name, with a digest that holds its number. */
function put(number: number, phase: "Running" | "Complete"): void {
  if (!template) throw new Error("The recordings have no go-hello-world-appimage-1");
  const { metadata, status, ...build } = template;
  const uid = `00000000-0000-4000-8000-${number.toString(16).padStart(12, "0")}`;
  const [repository, digest] = madeImages.get(number)?.split("@") ?? [];
  const imageDigest = digest ?? `sha256:${number.toString(16).padStart(64, "0")}`;
  const reference = repository === undefined ? {} : { outputDockerImageReference: `${repository}:latest` };
  const ended = phase === "Complete" ? { output: { to: { imageDigest } } } : { output: {}, completionTimestamp: undefined };
  cluster.put("builds", {
    ...build,
    metadata: { ...metadata, namespace, name: nameOf(number), uid },
    status: { ...status, ...reference, phase, ...ended },
  });
}

function nameOf(number: number): string {
  return `go-hello-world-appimage-${number}`;
}

function logPathOf(number: number): string {
  return `/apis/build.openshift.io/v1/namespaces/${namespace}/builds/${nameOf(number)}/log`;
}

function numberOf({ query, body }: ReceivedSubmission): number {
  const image = (body as { output_image?: string } | undefined)?.output_image ?? query.image ?? "";
  const digest = image.split("@sha256:")[1] ?? "";
  return numbers.get(`sha256:${digest}`) ?? Number.parseInt(digest, 16);
}

function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

offer(services);
