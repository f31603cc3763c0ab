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

/** The result of a notification: the receiver's status, or why it was given up. */
export type Delivery = { readonly status: number } | { readonly dropped: "gone" | "not-configured" };

/** A door to the receivers of notifications. */
export interface Notifier {
  /** The receivers, by ids that do not reveal their URLs. The same URL always has the same id. */
  readonly receivers: readonly string[];
  /**
   * Delivers to one receiver. It can get the same event twice, with the same id. Resolves when it accepted it, or wants no more events.
   * Throws `JobError`: `NotificationFailed` is retried, `NotificationRefused` is not.
   */
  deliver(receiver: string, event: Notification, signal: AbortSignal): Promise<Delivery>;
  close(): void;
}
