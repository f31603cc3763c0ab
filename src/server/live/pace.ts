/** True at most once in this many milliseconds. */
export function createPace(milliseconds: number): (now: number) => boolean {
  let due = Number.NEGATIVE_INFINITY;
  return (now) => {
    if (now < due) return false;
    due = now + milliseconds;
    return true;
  };
}
