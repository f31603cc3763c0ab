import { expect, it } from "vitest";
import type { Cluster } from "../../../src/cluster/cluster.ts";
import type { OpenShiftApi } from "../../../src/demo/openshift-api.ts";
import { openTestCluster } from "../../cluster/test-cluster.ts";
import { aRun, condition } from "../../support/runs.ts";

const { signal } = new AbortController();
const run = { kind: "PipelineRun", namespace: "shop", name: "checkout", uid: "u" };

function aPod(name: string, task: string, startTime: string, phase = "Succeeded"): object {
  const labels = { "tekton.dev/pipelineRun": "checkout", "tekton.dev/pipelineTask": task };
  const containers = [{ name: "step-build" }, { name: "sidecar-proxy" }, { name: "step-push" }];
  return { metadata: { namespace: "shop", name, labels }, spec: { containers }, status: { phase, startTime } };
}

function putRun(api: OpenShiftApi, ended: boolean): void {
  const status = {
    startTime: "2026-11-26T11:00:00Z",
    ...(ended && { completionTime: "x", conditions: condition("True", "Succeeded") }),
  };
  api.put(
    "pipelineruns",
    aRun("PipelineRun", (its) => Object.assign(its, { metadata: { namespace: "shop", name: "checkout" }, status })),
  );
}

async function textOf(cluster: Cluster, follow: boolean): Promise<string> {
  const pieces: Uint8Array[] = [];
  for await (const piece of cluster.streamBuildLog(run, follow, signal)) pieces.push(piece);
  return Buffer.concat(pieces).toString();
}

async function openWithPods() {
  const opened = await openTestCluster({ api: { installed: ["tekton.dev"] }, settings: { namespaces: ["shop"] } });
  opened.api.put("pods", aPod("b-pod", "build-index", "2026-11-26T11:02:00Z"));
  opened.api.put("pods", aPod("a-pod", "build", "2026-11-26T11:01:00Z"));
  for (const pod of ["a-pod", "b-pod"])
    for (const step of ["build", "push"]) opened.api.setPodLog("shop", pod, `step-${step}`, `${pod} ${step}\n`);
  return opened;
}

const whole = "--- build ---\na-pod build\na-pod push\n--- build-index ---\nb-pod build\nb-pod push\n";

it("the log of a run is that of its pods' steps, in the order in which they ran", async () => {
  const { api, cluster } = await openWithPods();
  putRun(api, true);
  expect(await textOf(cluster, false)).toBe(whole);
  expect(await cluster.readBuildLog(run, 30, signal)).toBe(whole.slice(-30));
});

it("the log of a run goes on with its next pod while it is followed", async () => {
  const { api, cluster } = await openWithPods();
  putRun(api, false);
  const following = textOf(cluster, true);
  await api.waitFor(({ requests }) => requests.some(({ path }) => path.endsWith("/pipelineruns")));
  api.put("pods", aPod("c-pod", "scan", "2026-11-26T11:03:00Z", "Running"));
  await api.waitFor(({ requests }) => requests.some(({ path }) => path.endsWith("/c-pod/log")));
  api.setPodLog("shop", "c-pod", "step-build", "clean\n");
  api.setPodLog("shop", "c-pod", "step-push", "");
  api.put("pods", aPod("c-pod", "scan", "2026-11-26T11:03:00Z"));
  putRun(api, true);
  expect(await following).toBe(`${whole}--- scan ---\nclean\n`);
});

it("the log of a run that does not exist is told from one that wrote nothing", async () => {
  const { api, cluster } = await openTestCluster({ api: { installed: ["tekton.dev"] }, settings: { namespaces: ["shop"] } });
  for (const follow of [false, true])
    await expect(textOf(cluster, follow)).rejects.toThrow("There is no PipelineRun shop/checkout: oc get pipelineruns -n shop");
  expect(await cluster.readBuildLog(run, 1000, signal)).toBeUndefined();
  putRun(api, true);
  expect(await textOf(cluster, false)).toBe("");
});

it("the log of a run whose pods are gone is none", async () => {
  const { api, cluster } = await openTestCluster({ api: { installed: ["tekton.dev"] }, settings: { namespaces: ["shop"] } });
  putRun(api, true);
  expect(await cluster.readBuildLog(run, 1000, signal)).toBeUndefined();
});

it("the log of a run that failed ends where its last step did: what comes after it never starts", async () => {
  const { api, cluster } = await openTestCluster({ api: { installed: ["tekton.dev"] }, settings: { namespaces: ["shop"] } });
  const state = (name: string, is: object) => ({ name, state: is });
  const containerStatuses = [state("step-build", { terminated: { exitCode: 1 } }), state("step-push", { waiting: {} })];
  const pod = aPod("a-pod", "build", "2026-11-26T11:01:00Z") as { status: object };
  api.put("pods", { ...pod, status: { ...pod.status, phase: "Failed", containerStatuses } });
  api.setPodLog("shop", "a-pod", "step-build", "no such base image\n");
  putRun(api, true);
  for (const follow of [false, true]) expect(await textOf(cluster, follow)).toBe("--- build ---\nno such base image\n");
  expect(await cluster.readBuildLog(run, 100, signal)).toBe("--- build ---\nno such base image\n");
});

it("the log of a run goes on with the pod that replaces one, from its beginning", async () => {
  const { api, cluster } = await openTestCluster({ api: { installed: ["tekton.dev"] }, settings: { namespaces: ["shop"] } });
  const put = (name: string, phase: string) => api.put("pods", aPod(name, "build", "2026-11-26T11:01:00Z", phase));
  const log = (pod: string, text: string) => {
    for (const step of ["build", "push"]) api.setPodLog("shop", pod, `step-${step}`, `${text} ${step}\n`);
  };
  put("a-pod", "Running");
  log("a-pod", "first");
  putRun(api, false);
  const pieces: string[] = [];
  const following = (async () => {
    for await (const piece of cluster.streamBuildLog(run, true, signal)) pieces.push(Buffer.from(piece).toString());
  })();
  await expect.poll(() => pieces.join("")).toBe("--- build ---\nfirst build\nfirst push\n");
  api.remove("pods", "shop", "a-pod");
  put("b-pod", "Running");
  log("b-pod", "second");
  await expect.poll(() => pieces.join("")).toContain("second push\n");
  put("b-pod", "Succeeded");
  putRun(api, true);
  await following;
  expect(pieces.join("")).toBe("--- build ---\nfirst build\nfirst push\n--- build ---\nsecond build\nsecond push\n");
});

it("the log of a run has each pod's lines once, also where their order changes", async () => {
  const { api, cluster } = await openWithPods();
  api.setPodLog("shop", "a-pod", "step-push", "a-pod push of much more\n");
  putRun(api, false);
  const following = textOf(cluster, true);
  await api.waitFor(({ requests }) => requests.filter(({ path }) => path.endsWith("/pipelineruns")).length > 1);
  api.put("pods", aPod("a-pod", "build", "2026-11-26T11:03:00Z"));
  await api.waitFor(({ requests }) => requests.filter(({ path }) => path.endsWith("/pods")).length > 3);
  putRun(api, true);
  expect(await following).toBe(whole.replace("a-pod push", "a-pod push of much more"));
});
