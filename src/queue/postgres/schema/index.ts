import type { SchemaPart } from "../../../postgres/index.ts";
import { adding } from "./adding.ts";
import { exchanging } from "./exchanging.ts";
import { replicas } from "./replicas.ts";
import { settling } from "./settling.ts";
import { tables } from "./tables.ts";
import { taking } from "./taking.ts";

/** The tables and functions of the queues. A released version is never changed. A changed function gets a new name, because older bots still call the old one while new ones start. */
export const queueSchema: SchemaPart = {
  name: "queue",
  versions: [[tables, adding, taking, settling, exchanging, replicas].join("\n")],
};
