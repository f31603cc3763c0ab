import { databaseSource } from "../../app/settings.ts";
import { freshUrl, openDatabase } from "../../postgres/index.ts";
import { copyLedger, type LedgerEnd, openDatabaseEnd, openLedgerEnd } from "../../queue/index.ts";
import { type CommandContext, UsageError } from "../command.ts";

/** Where a ledger can lie: in the files of BUILD_WATCHER_STATE_DIR, or in the database of BUILD_WATCHER_DATABASE_URL. */
const ledgerPlaces = ["sqlite", "postgresql"] as const;

/** Copies all jobs, analyses and notifications from one place to another, so that bots can continue there. */
export async function copyLedgers(context: CommandContext, from: string, to: string): Promise<number> {
  const { screen } = context;
  if (from === to || ![from, to].every((place) => ledgerPlaces.some((known) => known === place)))
    throw new UsageError(`Give ${ledgerPlaces.join(" and ")}, in the order of from and to.`);
  await using opened = new AsyncDisposableStack();
  const source = opened.adopt(await openEnd(context, from), (end) => end.close());
  const target = opened.adopt(await openEnd(context, to), (end) => end.close());
  const jobs = await copyLedger(source, target, (so) => screen.status(`${so} copied`));
  screen.status(undefined);
  screen.write(
    `${jobs} jobs, analyses and notifications were new or changed. ${target.place} has everything of ${source.place} now.\n`,
  );
  return 0;
}

async function openEnd({ config, environment }: CommandContext, place: string): Promise<LedgerEnd> {
  if (place === "sqlite") return openLedgerEnd(config.stateDirectory);
  const source = databaseSource(config, environment);
  if (!source) throw new UsageError("Set BUILD_WATCHER_DATABASE_URL to the database.");
  const database = openDatabase({ url: freshUrl(source) });
  try {
    return await openDatabaseEnd(database);
  } catch (error) {
    await database.close();
    throw error;
  }
}
