/** A CloudEvent 1.0 with JSON data (https://github.com/cloudevents/spec). The same event always has the same id. */
export interface Notification {
  readonly specversion: "1.0";
  readonly id: string;
  readonly source: string;
  readonly type: string;
  /** RFC 3339. */
  readonly time: string;
  readonly subject?: string;
  readonly datacontenttype: "application/json";
  readonly data: Readonly<Record<string, unknown>>;
}

/** What became of a notification: the receiver's status, or why it was left undelivered for good. */
export type Delivery = { readonly status: number } | { readonly dropped: "gone" | "not-configured" };

/** A door to those who want to be told. */
export interface Notifier {
  /** The receivers, by ids that tell nothing of their URLs; the same URL always has the same id. */
  readonly receivers: readonly string[];
  /**
   * Delivers to one receiver; it may get the same event twice, and knows that by its id. Resolves when it took it, and when it is to have no more.
   * Throws `JobError`: `NotificationFailed` is tried again, `NotificationRefused` is not.
   */
  deliver(receiver: string, event: Notification, signal: AbortSignal): Promise<Delivery>;
  close(): void;
}
