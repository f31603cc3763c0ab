/** Tasks in line. */
export interface Line {
  /** Adds a task that neither waits nor throws. */
  add(task: () => void): void;
}

/** Milliseconds for which tasks are done one after the other. */
const usualSpell = 10;

/**
 * Does tasks in order, and lets everything else have its turn after each spell: however many come at once, none of them keeps the bot from its
 * other work for longer than that.
 */
export function createLine(spell = usualSpell): Line {
  const tasks = new Set<() => void>();
  let isDue = false;

  function work(): void {
    isDue = false;
    const until = performance.now() + spell;
    for (const task of tasks) {
      tasks.delete(task);
      task();
      if (performance.now() >= until) break;
    }
    if (tasks.size > 0) schedule();
  }

  function schedule(): void {
    if (isDue) return;
    isDue = true;
    setImmediate(work);
  }

  return {
    add(task) {
      tasks.add(task);
      schedule();
    },
  };
}
