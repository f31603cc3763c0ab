import type { RecordGroup } from "../records/groups.ts";
import type { Html } from "../views/html.ts";

/** An event for a page: a changed job with its row, or that too much changed to send it one by one. */
type PageEvent = { readonly kind: "row"; readonly group: RecordGroup; readonly row: Html } | { readonly kind: "refresh" };

export interface NumberedEvent {
  readonly id: string;
  readonly event: PageEvent;
}

/** The last events. Their ids differ from those of earlier runs of the bot. */
export interface EventRing {
  push(event: PageEvent): NumberedEvent;
  /** The id of the last event. */
  position(): string;
  /** The events after this one; undefined if it is no longer known. */
  after(id: string): readonly NumberedEvent[] | undefined;
}

export function createEventRing(life: string, size: number): EventRing {
  const events: NumberedEvent[] = [];
  let last = 0;
  const nameOf = (number: number) => `${life}-${number}`;

  return {
    push(event) {
      last += 1;
      const numbered = { id: nameOf(last), event };
      events.push(numbered);
      if (events.length > size) events.shift();
      return numbered;
    },
    position: () => nameOf(last),
    after(id) {
      const [, number = "-1"] = id.startsWith(`${life}-`) ? (/-(\d{1,15})$/.exec(id) ?? []) : [];
      const missed = last - Number(number);
      if (Number(number) < 0 || missed < 0 || missed > events.length) return undefined;
      return missed === 0 ? [] : events.slice(-missed);
    },
  };
}
