import { Router } from "express";
import { readFilter } from "../list-filter.ts";
import type { Subject } from "../live.ts";
import type { PageParts } from "../page-parts.ts";

/** The stream of changes that open pages listen to. */
export function eventRoutes({ live }: Pick<PageParts, "live">): Router {
  const router = Router();
  router.get("/events", (request, response) => {
    const { job, since } = request.query;
    const subject: Subject =
      typeof job === "string" ? { kind: "job", id: job } : { kind: "list", filter: readFilter(request.query) };
    const last = request.headers["last-event-id"] ?? since;
    response.set({ "Content-Type": "text/event-stream; charset=utf-8", "X-Accel-Buffering": "no" });
    const leave = live.connect(response, subject, typeof last === "string" ? last : undefined);
    if (leave) response.on("close", leave);
    else response.status(503).set({ "Content-Type": "text/plain", "Retry-After": "30" }).send("Too many pages are open\n");
  });
  return router;
}
