import { type Gate, placesThrough } from "../../dispatching/gate.ts";
import type { Room } from "../../dispatching/pools.ts";
import type { Places } from "../../dispatching/store.ts";

/** The jobs that are wanted for an analyzer: up to a number, or one to try an endpoint that was down. */
export interface Wanted {
  readonly analyzer: string;
  readonly room: Room;
  readonly kind: "jobs" | "probe";
  readonly limit: number;
  /** How many jobs of a tenant can run in the room, including those that run there now. */
  readonly perTenant?: number | undefined;
  readonly running: ReadonlyMap<string, number>;
}

interface OpenRoom {
  readonly room: Room;
  readonly free: number;
  readonly running: ReadonlyMap<string, number>;
}

/** What can start now for one analyzer: as many jobs as have places or, while its endpoint is down, one from time to time. */
export function wantedOf(analyzer: string, gate: Gate, places: Places, now: number): readonly Wanted[] {
  const { perTenant } = places;
  const open = places.rooms.map((room) => openRoom(analyzer, room, places)).filter(({ free }) => free > 0);
  if (gate.kind === "open")
    return open.map(({ room, free, running }) => ({ analyzer, room, kind: "jobs", limit: free, perTenant, running }));
  if (placesThrough(gate, open.length, now) === 0) return [];
  return [{ analyzer, room: open.flatMap(({ room }) => room), kind: "probe", limit: 1, running: new Map() }];
}

function openRoom(analyzer: string, room: Room, { workers, running: all }: Places): OpenRoom {
  const here = all.filter((one) => one.analyzer === analyzer && one.room === room);
  const taken = here.reduce((sum, { jobs }) => sum + jobs, 0);
  return { room, free: workers - taken, running: new Map(here.map(({ tenant, jobs }) => [tenant, jobs])) };
}
