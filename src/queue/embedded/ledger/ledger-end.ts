import { join } from "node:path";
import type { SQLInputValue } from "node:sqlite";
import {
  changingColumns,
  type KeptJob,
  type KeptTag,
  keptColumns,
  type LedgerEnd,
  type LedgerPart,
  ledgerParts,
} from "../../ledger-end.ts";
import { type Ledger, openLedger } from "./ledger.ts";
import { fileMarks } from "./marks.ts";

/** Opens the ledger in a directory to copy it. Throws `LedgerError`, also if a bot works there. */
export function openLedgerEnd(directory: string): LedgerEnd {
  const opened = new Map<LedgerPart, Ledger>();
  const close = () => {
    for (const ledger of opened.values()) ledger.close();
  };
  try {
    for (const part of ledgerParts) opened.set(part, openPart(part === "submit" ? directory : join(directory, part)));
  } catch (error) {
    close();
    throw error;
  }
  const of = (part: LedgerPart) => (opened.get(part) as Ledger).connection;
  const within = (part: LedgerPart, work: () => void) => {
    of(part).exec("BEGIN IMMEDIATE");
    work();
    of(part).exec("COMMIT");
  };

  return {
    place: directory,
    marks: fileMarks(directory),
    jobs: async (part, after, limit) => of(part).prepare(select).all(after, limit) as unknown as readonly KeptJob[],
    async keep(part, jobs) {
      const statement = of(part).prepare(upsert);
      const inputs = of(part).prepare(addInputs);
      let kept = 0;
      within(part, () => {
        for (const job of jobs) {
          kept += Number(statement.run(...keptColumns.map((name) => job[name] as SQLInputValue)).changes);
          inputs.run(job.id as SQLInputValue, job.inputs);
        }
      });
      return kept;
    },
    tags: async () => of("submit").prepare("SELECT tag, digest, completed_at FROM tags").all() as unknown as readonly KeptTag[],
    async keepTags(tags) {
      const ledger = opened.get("submit");
      within("submit", () => {
        for (const { tag, digest, completed_at: completedAt } of tags)
          ledger?.latestTag(tag, { digest: digest as `sha256:${string}`, completedAt });
      });
    },
    shelf: async () => opened.get("submit")?.putAsideFor(opened.get("submit")?.shelfKeys() ?? []) ?? [],
    async keepShelf(entries) {
      within("submit", () => opened.get("submit")?.putAside(entries));
    },
    close: async () => close(),
  };
}

/** Jobs that were running when their bot ended wait again. */
function openPart(directory: string): Ledger {
  const ledger = openLedger({ directory, exclusive: true, synchronous: "full" });
  ledger.connection.exec("BEGIN IMMEDIATE");
  ledger.recover(Date.now(), Math.random);
  ledger.connection.exec("COMMIT");
  return ledger;
}

const select = `SELECT number, ${keptColumns.join(", ")},
    (SELECT json_group_array(digest) FROM inputs WHERE inputs.number = jobs.number) AS inputs
  FROM jobs WHERE number > ? ORDER BY number LIMIT ?`;

const addInputs = `INSERT OR IGNORE INTO inputs SELECT json_each.value, number FROM jobs, json_each(?2) WHERE jobs.id = ?1`;

const upsert = `INSERT INTO jobs (${keptColumns.join(", ")}) SELECT ${keptColumns.map((_, index) => `?${index + 1}`).join(", ")}
  WHERE NOT EXISTS (SELECT 1 FROM jobs WHERE group_id = ?2 AND analyzer = ?3 AND id <> ?1)
  ON CONFLICT (id) DO UPDATE SET ${changingColumns.map((name) => `${name} = excluded.${name}`).join(", ")}
    WHERE excluded.updated_at > updated_at OR (excluded.updated_at = updated_at AND excluded.result IS NOT result)`;
