// The language that problems are wanted in: --lang, else the locale of the environment. Pure.
import { LANGUAGES, type Language } from "@sluice/contract";

export function wantedLanguage(
  given: string | undefined,
  environment: Readonly<Record<string, string | undefined>>,
): Language {
  const locale = environment.LC_ALL || environment.LC_MESSAGES || environment.LANG || "";
  const wanted = given ?? /^[a-z]{2}(?=[_.@-]|$)/i.exec(locale)?.[0]?.toLowerCase();
  return LANGUAGES.find((language) => language === wanted) ?? "en";
}
