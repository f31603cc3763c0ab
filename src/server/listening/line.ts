/** Tasks in line. */
export interface Line {
  /** Adds a task that neither waits nor throws. */
  add(task: () => void): void;
}

/** Milliseconds of tasks after which the bot's other work gets a turn. */
const usualSpell = 5;

/**
 * Does tasks in order. After `spell` milliseconds the bot's other work gets a turn, however many tasks wait. Promises that a task leaves behind
 * count as part of it, up to the first real wait.
 */
export function createLine(spell = usualSpell): Line {
  const tasks: (() => void)[] = [];
  let until: number | undefined;

  // Each task runs in its own immediate, because promises are settled between two immediates. One that is set now runs in the next turn.
  function work(): void {
    if (until === undefined) {
      until = performance.now() + spell;
      setImmediate(endSpell);
    } else if (performance.now() >= until) {
      setImmediate(work);
      return;
    }
    tasks.shift()?.();
  }

  function endSpell(): void {
    until = undefined;
  }

  return {
    add(task) {
      tasks.push(task);
      setImmediate(work);
    },
  };
}
