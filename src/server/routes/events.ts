import { type Response, Router } from "express";
import type { Subject } from "../live/live.ts";
import type { PageParts } from "../page-parts.ts";
import { readFilter } from "../records/list-filter.ts";

/** The most open pages for one address. A login proxy or router has many people behind one address, but others need a place too. */
const mostOfPeer = 200;

/** The stream of changes that open pages listen to. */
export function eventRoutes({ live }: Pick<PageParts, "live">): Router {
  const router = Router();
  const open = new Map<string, number>();
  const count = (peer: string, change: number) => {
    const now = (open.get(peer) ?? 0) + change;
    if (now > 0) open.set(peer, now);
    else open.delete(peer);
    return now;
  };

  router.get("/events", (request, response) => {
    const { job, since } = request.query;
    const subject: Subject =
      typeof job === "string" ? { kind: "job", id: job } : { kind: "list", filter: readFilter(request.query) };
    const last = request.headers["last-event-id"] ?? since;
    const peer = request.socket.remoteAddress ?? "";
    if ((open.get(peer) ?? 0) >= mostOfPeer) return void tooMany(response);
    response.set({ "Content-Type": "text/event-stream; charset=utf-8", "X-Accel-Buffering": "no" });
    const leave = live.connect(response, subject, typeof last === "string" ? last : undefined);
    if (!leave) return void tooMany(response);
    count(peer, 1);
    response.on("close", () => {
      leave();
      count(peer, -1);
    });
  });
  return router;
}

function tooMany(response: Response): void {
  response.status(503).set({ "Content-Type": "text/plain", "Retry-After": "30" }).send("Too many pages are open\n");
}
