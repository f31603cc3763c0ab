import { forPeople } from "../../core/outside-text.ts";
/** What one check found. `warns` is no failure, but probably not what was meant. */
export interface Finding {
  /** What was checked. */
  readonly check: string;
  readonly state: "ok" | "warns" | "fails" | "skipped";
  readonly detail: string;
  /** What to do about it: a command, or the flag to change. */
  readonly mend?: string;
  /** Set if the same is checked in many namespaces. */
  readonly namespace?: string;
}

export function passed(check: string, detail: string): Finding {
  return { check, state: "ok", detail };
}

export function failed(check: string, error: unknown, mend?: string): Finding {
  const detail = error instanceof Error ? error.message : String(error);
  return { check, state: "fails", detail, ...(mend !== undefined && { mend }) };
}

export function warned(check: string, detail: string, mend?: string): Finding {
  return { check, state: "warns", detail, ...(mend !== undefined && { mend }) };
}

export function skipped(check: string, detail: string): Finding {
  return { check, state: "skipped", detail };
}

/** A check that throws when it fails; its answer is the detail. */
export async function finding(check: string, mend: (error: unknown) => string | undefined, look: () => Promise<string>) {
  try {
    return passed(check, await look());
  } catch (error) {
    return failed(check, error, mend(error));
  }
}

/** One JSON document, with every finding. */
export function renderJson(findings: readonly Finding[]): string {
  return `${JSON.stringify({ ok: isWell(findings), checks: findings }, undefined, 2)}\n`;
}

export interface Look {
  /** Whether every finding has a line of its own. */
  readonly all: boolean;
  readonly paint: (tone: "good" | "bad" | "warning" | "faint", text: string) => string;
}

const tones = { ok: "good", warns: "warning", fails: "bad", skipped: "faint" } as const;
const worstFirst: readonly Finding["state"][] = ["fails", "warns", "ok", "skipped"];

/** A line for each finding, worst first. What many namespaces have in common is one line. */
export function renderFindings(findings: readonly Finding[], { all, paint }: Look): string {
  const lines = all ? findings : grouped(findings);
  const width = Math.max(...lines.map(({ check }) => check.length));
  const texts = lines
    .toSorted((a, b) => worstFirst.indexOf(a.state) - worstFirst.indexOf(b.state))
    .map(({ check, state, detail, mend }) => {
      const line = `${paint(tones[state], state.padEnd(8))}${check.padEnd(width + 2)}${oneLine(detail)}`;
      return mend === undefined ? line : `${line}  Fix: ${oneLine(mend)}`;
    });
  return `${[...texts, closingLine(lines, paint)].join("\n")}\n`;
}

/** So many namespaces have lines of their own. */
const toldApart = 3;

function grouped(findings: readonly Finding[]): readonly Finding[] {
  const groups = Map.groupBy(findings, ({ check, state }) => `${state} ${check}`);
  return [...groups.values()].flatMap((group) => {
    const [first] = group;
    const names = group.flatMap(({ namespace }) => namespace ?? []);
    return first && names.length === group.length && names.length > toldApart ? [inMany(first, names)] : group;
  });
}

function inMany({ check, state, detail, mend, namespace = "" }: Finding, names: readonly string[]): Finding {
  const shown = state === "ok" ? "" : `: ${names.slice(0, toldApart).join(", ")} and ${names.length - toldApart} more`;
  const common = detail
    .replaceAll(` namespace ${namespace}`, ` ${names.length} namespaces${shown}`)
    .replaceAll(` ${namespace}:`, ` ${names.length} namespaces${shown}:`);
  return {
    check,
    state,
    detail: common,
    ...(mend !== undefined && { mend: `${mend}  # similar for the others: see --all` }),
  };
}

/** Whether nothing failed. */
export function isWell(findings: readonly Finding[]): boolean {
  return findings.every(({ state }) => state !== "fails");
}

function closingLine(findings: readonly Finding[], paint: Look["paint"]): string {
  const count = (wanted: Finding["state"]) => findings.filter(({ state }) => state === wanted).length;
  const [failures, warnings, left] = [count("fails"), count("warns"), count("skipped")];
  const made = findings.length - left;
  const outcome = failures === 0 ? "All is well" : `${failures} of ${made} checks failed`;
  const rest = [warnings > 0 && `${warnings} ${warnings === 1 ? "warning" : "warnings"}`, left > 0 && `${left} skipped`];
  return paint(failures > 0 ? "bad" : warnings > 0 ? "warning" : "good", `${[outcome, ...rest.filter(Boolean)].join(", ")}.`);
}

function oneLine(text: string): string {
  return forPeople(
    text
      .split("\n")
      .map((line) => line.trim())
      .filter(Boolean)
      .join(" "),
  );
}
