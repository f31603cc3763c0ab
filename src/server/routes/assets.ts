import { readFileSync } from "node:fs";
import { type RequestHandler, Router } from "express";

/** The parts of the style sheet; later ones win. */
const styles = ["base", "frame", "overview", "jobs", "job", "narrow"];

/** The style sheet and the script, read once. */
export function assetRoutes(): Router {
  return Router()
    .get("/assets/style.css", send("text/css", styles.map((name) => read(`style/${name}.css`)).join("\n")))
    .get("/assets/live.js", send("text/javascript", read("live.js")));
}

function read(name: string): string {
  return readFileSync(new URL(`../assets/${name}`, import.meta.url), "utf8");
}

function send(type: string, text: string): RequestHandler {
  return (_request, response) => void response.type(type).send(text);
}
