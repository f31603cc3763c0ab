import type { CopyReport } from "../registry/image-copier.ts";
import type { Logger } from "../telemetry/log.ts";

/** Logs every successful copy. A failed one is logged with its job, which knows the reason. */
export function reportCopy(log: Logger, event: CopyReport): void {
  if (event.kind !== "ended" || event.outcome === "failed") return;
  const { image, target, outcome, bytes, seconds } = event;
  log.info({ image, target, outcome, bytes, seconds }, "Image copied");
}
