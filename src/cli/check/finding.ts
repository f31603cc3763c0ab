import { forPeople } from "../../core/outside-text.ts";
/** What one check found. `warns` is no failure, but probably not what was meant. */
export interface Finding {
  /** What was looked at. */
  readonly check: string;
  readonly state: "ok" | "warns" | "fails" | "skipped";
  readonly detail: string;
  /** A command that mends it. */
  readonly mend?: string;
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

/** A line for each finding, or one JSON document. */
export function renderFindings(findings: readonly Finding[], json: boolean): string {
  const ok = isWell(findings);
  if (json) return `${JSON.stringify({ ok, checks: findings }, undefined, 2)}\n`;
  const width = Math.max(...findings.map(({ check }) => check.length));
  const lines = findings.map(({ check, state, detail, mend }) => {
    const line = `${state.padEnd(8)}${check.padEnd(width + 2)}${oneLine(detail)}`;
    return mend === undefined ? line : `${line}  Mend it: ${mend}`;
  });
  return `${[...lines, closingLine(findings)].join("\n")}\n`;
}

/** Whether nothing failed. */
export function isWell(findings: readonly Finding[]): boolean {
  return findings.every(({ state }) => state !== "fails");
}

function closingLine(findings: readonly Finding[]): string {
  const count = (wanted: Finding["state"]) => findings.filter(({ state }) => state === wanted).length;
  const [failures, warnings] = [count("fails"), count("warns")];
  const outcome = failures === 0 ? "All is well" : `${failures} of ${findings.length} checks failed`;
  if (warnings === 0) return `${outcome}.`;
  return `${outcome}, ${warnings} ${warnings === 1 ? "warning" : "warnings"}.`;
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
