import { readFileSync } from "node:fs";
import { Router } from "express";

const types: Readonly<Record<string, string>> = { "style.css": "text/css", "live.js": "text/javascript" };

/** The style sheet and the script, read once. */
export function assetRoutes(): Router {
  const router = Router();
  for (const [name, type] of Object.entries(types)) {
    const text = readFileSync(new URL(`../assets/${name}`, import.meta.url), "utf8");
    router.get(`/assets/${name}`, (_request, response) => void response.type(type).send(text));
  }
  return router;
}
