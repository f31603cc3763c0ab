import { stat } from "node:fs/promises";
import type { Config } from "../config/options.ts";

/** When one of the auth files changed last (ms since the epoch); undefined where none is set or can be read. A Secret that is mounted counts by its contents. */
export async function loginsChangedAt({ sourceAuthfile, destinationAuthfile }: Config): Promise<number | undefined> {
  const paths = [sourceAuthfile, destinationAuthfile].filter((path) => path !== undefined);
  const times = await Promise.all(
    paths.map((path) =>
      stat(path).then(
        ({ mtimeMs }) => mtimeMs,
        () => undefined,
      ),
    ),
  );
  const known = times.filter((time) => time !== undefined);
  return known.length > 0 ? Math.max(...known) : undefined;
}
