// The language of an answer, from Accept-Language (RFC 9110, 12.5.4). Pure.
import { LANGUAGES, type Language } from "@sluice/contract";

/** Nobody reads more languages; a header full of them costs no time. */
const MOST_RANGES = 20;

/** The one with the greatest weight among ours; the first of a tie; English when none is wanted. */
export function languageOf(acceptLanguage: string | undefined): Language {
  let best: Language = "en";
  let bestWeight = 0;
  for (const range of (acceptLanguage ?? "").split(",", MOST_RANGES)) {
    const [tag = "", ...parameters] = range.split(";").map((part) => part.trim().toLowerCase());
    const language = LANGUAGES.find((known) => tag === known || tag.startsWith(`${known}-`));
    const weight = weightOf(parameters);
    if (language === undefined || weight <= bestWeight) continue;
    best = language;
    bestWeight = weight;
  }
  return best;
}

function weightOf(parameters: readonly string[]): number {
  const given = parameters.find((parameter) => parameter.startsWith("q="));
  if (given === undefined) return 1;
  const weight = Number(given.slice(2));
  return weight >= 0 && weight <= 1 ? weight : 0;
}
