import { JobError } from "../core/errors.ts";
import type { HostLimits, TaskHosts } from "./host-limits.ts";
import { SkopeoError } from "./skopeo-errors.ts";

/** Milliseconds without a byte after which a copy is ended. */
export const usualPatience = 60_000;
/** How much longer a push registry may take to put away what has wholly arrived there, and from which size on. */
const storingFactor = 5;
const largeImage = 100 * 1024 * 1024;

/** A copy that was ended since neither registry sent or took a byte: which of them it was is not known yet. */
export class SilentCopy extends JobError {
  constructor(milliseconds: number) {
    super("RegistryUnavailable", `The copy was ended: no byte came or went for ${Math.round(milliseconds / 1000)} s`);
  }
}

/** How long a copy may be silent that has read so many bytes of so many: a large image is put away for minutes once it has arrived. */
export function patienceFor(patience: number, read: number, bytes: number | undefined): number {
  const hasArrived = bytes !== undefined && bytes >= largeImage && read >= bytes;
  return hasArrived ? patience * storingFactor : patience;
}

/** Charges a silent copy to the registry that others did not find silent, and leaves a silent source alone for a while. */
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
    const words = `${error.message}. It was ${hosts[side]} that was silent: other copies moved bytes to or from the other registry`;
    throw new SkopeoError(side, error.reason, words);
  }
}
