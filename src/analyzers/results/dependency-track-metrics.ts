import type { Findings } from "../../core/jobs/findings.ts";
import type { AnalysisStatus } from "../analyzer.ts";
import { protocolError } from "../http/answers.ts";
import type { HttpAnswer, HttpRequest } from "../http/http.ts";
import { countOf, type JsonObject, textOf } from "../http/json.ts";
import type { Service } from "../service.ts";

/** Dependency-Track 4.12 and newer, and 5. */
export const dependencyTrackService: Service = {
  name: "Dependency-Track",
  api: "the API server of Dependency-Track",
  addressSetting: "BUILD_WATCHER_DEPENDENCY_TRACK_URL",
  loginSetting: "BUILD_WATCHER_DEPENDENCY_TRACK_KEY_FILE",
  speaksText: true,
  reasonOf(status, said) {
    // If a project cannot be created, that affects one project. A wrong key affects all.
    if (status === 401 && /permission/i.test(said)) return "AnalyzerRejected";
    // Two uploads that create the same project (v5).
    return status === 409 ? "AnalyzerFailed" : undefined;
  },
};

/** How often a refresh of old metrics is asked for (v4). */
const mostRefreshes = 5;

export interface MetricsReader {
  /** The state of an upload's analysis, by the metrics of its project. Throws `JobError`. */
  read(project: string, analysisId: string, signal: AbortSignal): Promise<AnalysisStatus>;
  /** The version of the server; throws `JobError("AnalyzerProtocol")` when it is none of Dependency-Track. */
  readVersion(signal: AbortSignal): Promise<string>;
}

/** Reads the metrics of projects. Version 4 says that it has worked an upload through before its vulnerabilities are known (DependencyTrack#460). */
export function createMetricsReader(send: (request: HttpRequest, signal: AbortSignal) => Promise<HttpAnswer>): MetricsReader {
  const refreshes = new Map<string, number>();

  async function readVersion(signal: AbortSignal): Promise<string> {
    const { application, version } = (await send({ method: "GET", path: "/api/version" }, signal)).json();
    const known = application === "Dependency-Track" ? textOf(version) : undefined;
    if (known === undefined) throw protocolError("names no version of it", dependencyTrackService);
    return known;
  }

  async function isOlder(measuredAt: unknown, uuid: string, signal: AbortSignal): Promise<boolean> {
    if (!(await readVersion(signal)).startsWith("4.")) return false;
    const { lastBomImport } = (await send({ method: "GET", path: `/api/v1/project/${uuid}` }, signal)).json();
    return typeof lastBomImport === "number" && typeof measuredAt === "number" && measuredAt < lastBomImport;
  }

  return {
    readVersion,
    async read(project, analysisId, signal) {
      const path = `/api/v1/metrics/project/${project}`;
      const answer = await send({ method: "GET", path: `${path}/current` }, signal);
      if (answer.status === 204 || answer.text.trim() === "") return { state: "running" };
      const metrics = answer.json();
      const asked = refreshes.get(analysisId) ?? 0;
      const isOld = await isOlder(metrics.lastOccurrence, project, signal);
      if (isOld && asked < mostRefreshes) {
        refreshes.set(analysisId, asked + 1);
        await send({ method: "GET", path: `${path}/refresh` }, signal);
        return { state: "running" };
      }
      refreshes.delete(analysisId);
      return { state: "succeeded", findings: readFindings(metrics, isOld) };
    },
  };
}

function readFindings(metrics: JsonObject, isOld: boolean): Findings {
  const packages = countOf(metrics.components);
  if (packages === undefined) throw protocolError("counts no components", dependencyTrackService);
  if (packages === 0) return { coverage: "unknown", why: "the project holds no component" };
  const count = (name: string) => countOf(metrics[name]) ?? 0;
  const policyViolations = countOf(metrics.policyViolationsTotal);
  return {
    coverage: isOld ? "partial" : "complete",
    ...(isOld && { why: "the project's metrics are older than the upload" }),
    severities: {
      critical: count("critical"),
      high: count("high"),
      medium: count("medium"),
      low: count("low"),
      unknown: count("unassigned"),
    },
    ...(policyViolations !== undefined && { policyViolations }),
    packages,
  };
}
