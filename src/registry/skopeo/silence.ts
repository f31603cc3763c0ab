import { JobError } from "../../core/jobs/errors.ts";
import type { HostLimits, TaskHosts } from "../copying/host-limits.ts";
import { SkopeoError } from "./skopeo-errors.ts";

/** Milliseconds without a byte after which a copy is stopped. */
export const usualPatience = 60_000;
/** How much longer a push registry may take to store a complete image, and from which size on. */
const storingFactor = 5;
const largeImage = 100 * 1024 * 1024;

/** A copy that was stopped because no data moved; which registry was silent is not known yet. */
export class SilentCopy extends JobError {
  constructor(milliseconds: number) {
    super("RegistryUnavailable", `The copy was stopped: no data moved for ${Math.round(milliseconds / 1000)} s`);
  }
}

/** How long a copy may be silent after reading this many of its bytes: a registry can take minutes to store a large image. */
export function patienceFor(patience: number, read: number, bytes: number | undefined): number {
  const hasArrived = bytes !== undefined && bytes >= largeImage && read >= bytes;
  return hasArrived ? patience * storingFactor : patience;
}

/** Finds which registry was silent by other copies, and does not use a silent source for a while. */
export async function blameSilence<T>(copy: Promise<T>, hosts: TaskHosts, limits: HostLimits, patience: number): Promise<T> {
  try {
    return await copy;
  } catch (error) {
    if (!(error instanceof SilentCopy)) throw error;
    // Shorter than the silence, so that this copy's own last bytes do not count.
    const lately = patience / 2;
    const [sourceMoves, destinationMoves] = [hosts.source, hosts.destination].map((host) => limits.movedWithin(host, lately));
    if (sourceMoves === destinationMoves) throw error;
    const side = sourceMoves ? "destination" : "source";
    if (side === "source") limits.slowDown(hosts.source);
    const words = `${error.message}. ${hosts[side]} was silent: other copies exchanged data with the other registry`;
    throw new SkopeoError(side, error.reason, words);
  }
}
