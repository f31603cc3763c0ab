export { type Database, type DatabaseSettings, openDatabase, type Run } from "./database.ts";
export { DatabaseError, type DatabaseFault } from "./database-error.ts";
export { type DatabaseSource, freshUrl } from "./database-source.ts";
export { parseDatabaseUrl } from "./database-url.ts";
export { migrate, type SchemaPart, schema } from "./migrations.ts";
export { type Persistence, persist } from "./persist.ts";
export { type DatabaseProbe, probeDatabase } from "./probe.ts";
