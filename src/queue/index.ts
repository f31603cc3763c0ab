export { checkStateDirectory } from "./embedded/check-directory.ts";
export { openLedgerEnd } from "./embedded/ledger/ledger-end.ts";
export { LedgerError } from "./embedded/ledger-error.ts";
export { DirectoryInUseError } from "./embedded/lock.ts";
export { type EmbeddedQueueSettings, openEmbeddedQueue } from "./embedded/queue.ts";
export { copyLedger, type LedgerEnd, movedMark } from "./ledger-end.ts";
export { openDatabaseEnd } from "./postgres/ledger-end.ts";
export { openPostgresQueue, type PostgresQueueSettings } from "./postgres/queue.ts";
export { queueSchema } from "./postgres/schema/index.ts";
