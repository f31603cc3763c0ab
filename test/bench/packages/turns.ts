/** What the longest turn of this thread's event loop took, in milliseconds: of its own work, and by the clock. */
export interface TurnWatch {
  end(): { readonly work: number; readonly wall: number };
}

/** Watches each turn until the end. The watching itself keeps the loop turning. */
export function createTurnWatch(): TurnWatch {
  let isWatching = true;
  let [work, wall] = [0, 0];
  let [usedBefore, timeBefore] = [usedSoFar(), performance.now()];
  const turn = () => {
    const [used, time] = [usedSoFar(), performance.now()];
    [work, wall] = [Math.max(work, used - usedBefore), Math.max(wall, time - timeBefore)];
    [usedBefore, timeBefore] = [used, time];
    if (isWatching) setImmediate(turn);
  };
  setImmediate(turn);
  return {
    end() {
      isWatching = false;
      return { work, wall };
    },
  };
}

/** Milliseconds of processor time of this thread. */
function usedSoFar(): number {
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1_000;
}
