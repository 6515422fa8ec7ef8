// Renders the templates of `deploy/`: text in which `${NAME}` stands for what only the place it runs at knows.
//
// Promise: nothing is left open and nothing is given in vain. A placeholder without a value, and a value without a
// placeholder, are errors: either is a misspelt name, and a server would start with something else than was meant.
import { readFileSync } from "node:fs";
import { join } from "node:path";

const DEPLOY_FOLDER = join(import.meta.dirname, "../../deploy");
const PLACEHOLDER = /\$\{([A-Z][A-Z0-9_]*)\}/g;

export type TemplateValues = Readonly<Record<string, string | number>>;

/** `path` is relative to `deploy/`, such as `redis/redis.conf`. */
export function renderTemplate(path: string, values: TemplateValues): string {
  return fillTemplate(readFileSync(join(DEPLOY_FOLDER, path), "utf8"), values, `deploy/${path}`);
}

/** `name` is what errors call the template. */
export function fillTemplate(text: string, values: TemplateValues, name: string): string {
  const used = new Set<string>();
  const missing = new Set<string>();
  const filled = text.replaceAll(PLACEHOLDER, (whole, placeholder: string) => {
    const value = Object.hasOwn(values, placeholder) ? values[placeholder] : undefined;
    if (value === undefined) missing.add(placeholder);
    else used.add(placeholder);
    return value === undefined ? whole : String(value);
  });
  if (missing.size > 0) throw new Error(`${name} asks for ${[...missing].join(", ")}: give a value for each.`);
  const unknown = Object.keys(values).filter((value) => !used.has(value));
  if (unknown.length > 0)
    throw new Error(`${name} has no place for ${unknown.join(", ")}: take it away, or correct it.`);
  return filled;
}
