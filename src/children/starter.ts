import { systemClock } from "../core/clock.ts";
import { runChild } from "./child.ts";
import type { FromLauncher, Launch, ToLauncher } from "./launcher.ts";

/** A small process that starts programs for the bot and tells how they end. When the bot is gone, it ends them. */
const running = new Map<number, AbortController>();

process.on("message", (message: ToLauncher) => {
  if (message.kind === "abort") running.get(message.id)?.abort();
  else void run(message.id, message.launch);
});
process.on("disconnect", () => {
  for (const control of running.values()) control.abort();
});
tell({ kind: "ready" });

async function run(id: number, launch: Launch): Promise<void> {
  const control = new AbortController();
  running.set(id, control);
  const begun = (pid: number) => tell({ kind: "begun", id, pid });
  try {
    const exit = await runChild({ ...launch, host: process, clock: systemClock, begun }, control.signal);
    tell({ kind: "ended", id, exit });
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    tell({ kind: "failed", id, message, ...(code !== undefined && { code }) });
  }
  running.delete(id);
}

function tell(message: FromLauncher): void {
  if (process.connected) process.send?.(message, () => {});
}
