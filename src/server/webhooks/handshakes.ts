import type { RequestHandler } from "express";
import type { WebhookSettings } from "./webhook-settings.ts";

/**
 * The question whether events may be sent at all, which a sender of CloudEvents asks by OPTIONS (cloudevents/spec, http-webhook.md, "Validation"). It
 * reveals nothing and allows nothing that the secret does not.
 */
export function handshake({ secret }: Pick<WebhookSettings, "secret">): RequestHandler {
  return ({ method, headers }, response, next) => {
    const origin = headers["webhook-request-origin"];
    if (method !== "OPTIONS" || typeof origin !== "string" || secret === undefined) return next();
    const rate = headers["webhook-request-rate"];
    response.set("Allow", "POST").set("WebHook-Allowed-Origin", origin);
    if (rate !== undefined) response.set("WebHook-Allowed-Rate", "*");
    response.status(200).end();
  };
}

/** The answer to Azure Event Grid's own question; undefined if it is something else (learn.microsoft.com/azure/event-grid/webhook-event-delivery). */
export function validationOf(body: unknown): { readonly validationResponse: string } | undefined {
  const [event] = Array.isArray(body) ? body : [];
  if (event?.eventType !== "Microsoft.EventGrid.SubscriptionValidationEvent") return undefined;
  const code = event.data?.validationCode;
  return typeof code === "string" && code.length <= longestCode ? { validationResponse: code } : undefined;
}

const longestCode = 1_000;
