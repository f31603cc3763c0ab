import { type Request, type Response, Router } from "express";
import type { Health, HealthProbes } from "../health.ts";

/** `/livez` and `/readyz`: 200, or 503 with the reasons. */
export function probeRoutes(health: HealthProbes): Router {
  const router = Router();
  router.get("/livez", (request, response) => answer(health.liveness(), request, response));
  router.get("/readyz", (request, response) => answer(health.readiness(), request, response));
  return router;
}

function answer(health: Health, request: Request, response: Response): void {
  response.status(health.ok ? 200 : 503);
  if (request.accepts(["text", "json"]) === "json") response.json(health);
  else response.type("text").send(health.ok ? "ok\n" : `${health.because.join("\n")}\n`);
}
