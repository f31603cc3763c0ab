import type { Clock } from "../../core/clock.ts";

/**
 * Transfers layers that several images share only once: skopeo mounts layers of earlier copies, but not those that are being copied at the same
 * time. A copy waits only for another one that transfers a layer it needs, while that makes progress, and some seconds at most. Images without
 * shared layers never wait.
 */
export interface LayerSchedule {
  /**
   * Runs a copy to a registry when none of these layers is being transferred there, or that takes too long. The copy calls `stuck` if it makes no
   * progress: then nobody waits for it. Throws the signal's reason if it fires before.
   */
  run<T>(registry: string, layers: readonly string[], signal: AbortSignal, copy: (stuck: () => void) => Promise<T>): Promise<T>;
}

interface Running {
  readonly registry: string;
  readonly carries: ReadonlySet<string>;
  readonly ended: Promise<void>;
}

/** How many layers are remembered as transferred; a forgotten one only costs a wait. */
const longestMemory = 20_000;

/** A copy waits for others this many milliseconds in all: sending a layer twice is better than standing still. */
export function createLayerSchedule(clock: Clock, longestWait: number): LayerSchedule {
  const running = new Set<Running>();
  const delivered = new Set<string>();

  return {
    async run(registry, layers, signal, copy) {
      const tired = timer(clock, longestWait);
      try {
        // Nothing may come between the last look and taking the layers on.
        for (let carrier = carrierFor(registry, layers); carrier && !tired.isOver(); carrier = carrierFor(registry, layers)) {
          await endedOrAborted(Promise.race([carrier.ended, tired.over]), signal);
        }
      } finally {
        tired.cancel();
      }
      signal.throwIfAborted();
      const { promise: ended, resolve: end } = Promise.withResolvers<void>();
      const entry = { registry, carries: new Set(missing(registry, layers)), ended };
      const leave = () => {
        running.delete(entry);
        end();
      };
      running.add(entry);
      try {
        const result = await copy(leave);
        remember(registry, layers);
        return result;
      } finally {
        leave();
      }
    },
  };

  function carrierFor(registry: string, layers: readonly string[]): Running | undefined {
    const wanted = missing(registry, layers);
    return [...running].find((copy) => copy.registry === registry && wanted.some((layer) => copy.carries.has(layer)));
  }

  function missing(registry: string, layers: readonly string[]): string[] {
    return layers.filter((layer) => !delivered.has(keyOf(registry, layer)));
  }

  /** The set keeps its order of insertion, so the first ones are those longest unused. */
  function remember(registry: string, layers: readonly string[]): void {
    for (const key of layers.map((layer) => keyOf(registry, layer))) {
      delivered.delete(key);
      delivered.add(key);
    }
    for (const key of delivered) {
      if (delivered.size <= longestMemory) break;
      delivered.delete(key);
    }
  }
}

function timer(clock: Clock, milliseconds: number) {
  const { promise: over, resolve } = Promise.withResolvers<void>();
  let isOver = false;
  const cancel = clock.schedule(milliseconds, () => {
    isOver = true;
    resolve();
  });
  return { over, isOver: () => isOver, cancel };
}

function keyOf(registry: string, layer: string): string {
  return `${registry} ${layer}`;
}

/** Resolves with the promise, which never rejects; throws the signal's reason when that fires first. */
export async function endedOrAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  signal.throwIfAborted();
  const { promise: aborted, reject } = Promise.withResolvers<never>();
  const abort = () => reject(signal.reason);
  signal.addEventListener("abort", abort, { once: true });
  try {
    return await Promise.race([promise, aborted]);
  } finally {
    signal.removeEventListener("abort", abort);
  }
}
