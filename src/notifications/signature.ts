import { Webhook } from "standardwebhooks";

type Headers = Readonly<Record<string, string | string[] | undefined>>;

/**
 * Whether a request was signed by Standard Webhooks with this secret, and within five minutes of now. A secret without `whsec_` is itself
 * the key. https://github.com/standard-webhooks/standard-webhooks
 */
export function createSignatureCheck(secret: string): (body: Buffer, headers: Headers) => boolean {
  const webhook = secret.startsWith("whsec_") ? new Webhook(secret) : new Webhook(secret, { format: "raw" });
  return (body, headers) => {
    const names = ["webhook-id", "webhook-timestamp", "webhook-signature"];
    const given = Object.fromEntries(names.map((name) => [name, String(headers[name] ?? "")]));
    try {
      webhook.verify(body, given, { jsonParse: false });
      return true;
    } catch {
      return false;
    }
  };
}
