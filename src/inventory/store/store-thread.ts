import { parentPort, workerData } from "node:worker_threads";
import { QuestionError } from "../inventory.ts";
import { openSqliteStore, type SqliteStore, type SqliteStoreSettings } from "./sqlite-store.ts";

/** What the store is asked, and what it answers; a message for each. */
export interface StoreCall {
  readonly id: number;
  readonly name: keyof SqliteStore;
  readonly values: readonly unknown[];
}

export type StoreReply =
  | { readonly id: number; readonly value: unknown }
  | { readonly id: number; readonly error: string; readonly isQuestion: boolean };

/** The thread of the store: a large image's packages are not written on the bot's own. */
const store = openSqliteStore(workerData as SqliteStoreSettings);

parentPort?.on("message", (call: StoreCall) => {
  parentPort?.postMessage(replyTo(call));
  if (call.name === "close") parentPort?.close();
});

function replyTo({ id, name, values }: StoreCall): StoreReply {
  try {
    return { id, value: (store[name] as (...values: readonly unknown[]) => unknown)(...values) };
  } catch (error) {
    return { id, error: error instanceof Error ? error.message : String(error), isQuestion: error instanceof QuestionError };
  }
}
