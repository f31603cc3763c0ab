import type { Clock } from "../core/clock.ts";
import type { CopyReport } from "../registry/image-copier.ts";
import type { Screen } from "./screen.ts";

/** Milliseconds between two looks of the status line. */
const refreshInterval = 1_000;

/** Shows in a terminal which copies run, and for how long. */
export function createCopyProgress(screen: Screen, clock: Clock): (event: CopyReport) => void {
  const running = new Map<number, { readonly image: string; readonly since: number }>();
  let cancel: (() => void) | undefined;

  function show(): void {
    cancel?.();
    cancel = running.size > 0 ? clock.schedule(refreshInterval, show) : undefined;
    const [oldest] = running.values();
    screen.status(oldest && `Copying ${oldest.image} for ${seconds(oldest.since)} s${others(running.size - 1)}`);
  }

  function seconds(since: number): number {
    return Math.round((clock.now() - since) / 1000);
  }

  return (event) => {
    if (!screen.isTerminal) return;
    if (event.kind === "started") running.set(event.id, { image: event.image, since: clock.now() });
    else running.delete(event.id);
    show();
  };
}

function others(count: number): string {
  return count > 0 ? `, and ${count} more` : "";
}
