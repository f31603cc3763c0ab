import { stat } from "node:fs/promises";
import type { Config } from "../config/options.ts";

/** When one of the auth files last changed (ms since the epoch); undefined if none is set or readable. For a mounted Secret its contents count. */
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
