import { parentPort, workerData } from "node:worker_threads";
import { DatabaseError, type DatabaseSource, freshUrl } from "../../../postgres/index.ts";
import { QuestionError } from "../../inventory.ts";
import { openPostgresStore } from "../postgres/postgres-store.ts";
import { openSqliteStore, type SqliteStore, type SqliteStoreSettings } from "./sqlite-store.ts";

export interface StoreThreadSettings extends SqliteStoreSettings {
  /** Where images and their packages are kept instead of the file, which then holds layers alone. */
  readonly database?: DatabaseSource | undefined;
}

/** Requests to the store and its answers, one message each. */
export interface StoreCall {
  readonly id: number;
  readonly name: keyof SqliteStore;
  readonly values: readonly unknown[];
}

export interface StoreFailure {
  /** `question`: it cannot be answered as it stands. `setup` and `outage`: the database cannot be used, see `DatabaseFault`. */
  readonly kind: "question" | "setup" | "outage" | "other";
  readonly message: string;
}

export type StoreReply =
  | { readonly id: number; readonly value: unknown }
  | { readonly id: number; readonly failure: StoreFailure };

type Call = (...values: readonly unknown[]) => unknown;

/** The store's thread, so that writing the packages of a large image does not block the bot. */
const store = openStore(workerData as StoreThreadSettings);

parentPort?.on("message", async (call: StoreCall) => {
  parentPort?.postMessage(await replyTo(call));
  if (call.name === "close") parentPort?.close();
});

function openStore({ database, ...settings }: StoreThreadSettings): Readonly<Record<keyof SqliteStore, Call>> {
  const local = openSqliteStore(settings);
  if (!database) return local as Readonly<Record<keyof SqliteStore, Call>>;
  const shared = openPostgresStore(freshUrl(database));
  const close = async () => {
    local.close();
    await shared.close();
  };
  return { ...local, ...shared, close } as Readonly<Record<keyof SqliteStore, Call>>;
}

async function replyTo({ id, name, values }: StoreCall): Promise<StoreReply> {
  try {
    return { id, value: await store[name](...values) };
  } catch (error) {
    return { id, failure: { kind: kindOf(error), message: error instanceof Error ? error.message : String(error) } };
  }
}

function kindOf(error: unknown): StoreFailure["kind"] {
  if (error instanceof QuestionError) return "question";
  return error instanceof DatabaseError && error.fault !== "statement" ? error.fault : "other";
}
