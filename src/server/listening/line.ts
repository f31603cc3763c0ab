/** Tasks in line. */
export interface Line {
  /** Adds a task that neither waits nor throws. */
  add(task: () => void): void;
}

/** Milliseconds for which tasks are done one after the other. */
const usualSpell = 5;

/**
 * Does tasks in order, and lets everything else have its turn after each spell: however many come at once, none of them keeps the bot from its
 * other work for longer than that. What a task leaves to promises counts as its own, as far as nothing is waited for.
 */
export function createLine(spell = usualSpell): Line {
  const tasks: (() => void)[] = [];
  let until: number | undefined;

  // Each task has an immediate of its own: promises are dealt with between two of them. One that is set now runs in the next turn.
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
