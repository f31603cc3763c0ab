import { type Request, type Response, Router } from "express";
import type { Health, HealthProbes } from "../health.ts";

/** `/livez` and `/readyz`: 200, or 503 with the reasons. */
export function probeRoutes(health: HealthProbes): Router {
  const router = Router();
  router.get("/livez", (request, response) => answer(health.liveness(), request, response));
  router.get("/readyz", (request, response) => answer(health.readiness(), request, response));
  return router;
}

/** Kubernetes shows only the beginning of an answer. */
const mostLines = 20;

function answer(health: Health, request: Request, response: Response): void {
  response.status(health.ok ? 200 : 503);
  if (request.accepts(["text", "json"]) === "json") response.json(health);
  else response.type("text").send(health.ok ? "ok\n" : `${reasonsOf(health.because).join("\n")}\n`);
}

function reasonsOf(because: readonly string[]): readonly string[] {
  const rest = because.length - mostLines;
  return rest > 0 ? [...because.slice(0, mostLines), `and ${rest} more: build-watcher status --all shows them`] : because;
}
