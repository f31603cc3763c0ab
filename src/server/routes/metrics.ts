import { type RequestHandler, Router } from "express";
import type { Metrics } from "../../telemetry/metrics.ts";

/** `GET /metrics`: every metric in Prometheus' text format. */
export function metricsRoutes(metrics: Pick<Metrics, "text" | "contentType">): Router {
  const answer: RequestHandler = async (_request, response) => {
    const text = await metrics.text();
    response.set("Content-Type", metrics.contentType).send(text);
  };
  return Router().get("/metrics", answer);
}
