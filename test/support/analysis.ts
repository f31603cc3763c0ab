import { onTestFinished } from "vitest";
import { type AnalysisApi, type AnalysisApiOptions, createAnalysisApi } from "../../src/demo/analysis-api.ts";
import { digestOf } from "./fixtures.ts";

export const appImage = `registry.example.com/shop/app@${digestOf("app")}`;
export const baseImage = `registry.example.com/ubi9@${digestOf("base")}`;

export interface Answer {
  readonly status: number;
  readonly body: Readonly<Record<string, unknown>>;
  readonly headers: Headers;
}

/** An emulated analysis service for one test, and a client that speaks its contract plainly. */
export interface TestAnalysis {
  readonly api: AnalysisApi;
  /** Paths are below `/api/v1`. */
  ask(path: string, init?: RequestInit): Promise<Answer>;
  analyze(query: Record<string, string>): Promise<Answer>;
  analyzeBuild(body: object, query?: Record<string, string>): Promise<Answer>;
}

/** Starts a service that is closed when the test ends. */
export async function startAnalysis(options: AnalysisApiOptions = {}): Promise<TestAnalysis> {
  const api = createAnalysisApi(options);
  await api.listen();
  onTestFinished(() => api.close());
  const ask = async (path: string, init?: RequestInit): Promise<Answer> => {
    const response = await fetch(`${api.url}/api/v1${path}`, init);
    return { status: response.status, headers: response.headers, body: (await response.json()) as Answer["body"] };
  };
  const post = (path: string, query: Record<string, string>, body?: object) =>
    ask(`${path}?${new URLSearchParams(query)}`, { method: "POST", ...(body && { body: JSON.stringify(body) }) });
  return {
    api,
    ask,
    analyze: (query: Record<string, string>) => post("/analyze", query),
    analyzeBuild: (body: object, query: Record<string, string> = {}) => post("/build-analysis", query, body),
  };
}
