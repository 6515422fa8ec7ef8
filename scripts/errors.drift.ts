// docs/errors holds a page for every error code in every language, printed from the catalogue of the contract. Without a
// word it compares; with --write it writes. A page of no code is a fault too: codes are never renamed in silence.
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { exampleProblem, LANGUAGES, type Language, PROBLEMS, type ProblemCode } from "@sluice/contract";

const folder = join(import.meta.dirname, "../docs/errors");

const TEXTS = {
  en: {
    name: "English",
    heading: "Error codes",
    about:
      "Every refusal is a problem document (RFC 9457) with one of these codes. A code never changes its meaning and is never " +
      "translated; `title` and `detail` follow `Accept-Language`, and `errors` names each faulty field by its JSON Pointer.",
    sections: ["Cause", "Fix", "Example"],
    all: "All error codes",
  },
  ko: {
    name: "한국어",
    heading: "오류 코드",
    about:
      "모든 거절은 아래 코드 가운데 하나를 담은 문제 문서(RFC 9457)로 답합니다. 코드는 뜻이 바뀌지 않고 번역되지 않습니다. " +
      "`title`과 `detail`은 `Accept-Language`를 따르며, `errors`는 잘못된 필드를 JSON Pointer로 가리킵니다.",
    sections: ["원인", "해결 방법", "예시"],
    all: "전체 오류 코드",
  },
} as const satisfies Record<Language, object>;

const codes = (Object.keys(PROBLEMS) as ProblemCode[]).sort();
const pages = new Map(
  LANGUAGES.flatMap((language) => [
    [fileOf("README", language), indexPage(language)] as const,
    ...codes.map((code) => [fileOf(code, language), codePage(code, language)] as const),
  ]),
);

mkdirSync(folder, { recursive: true });
const present = readdirSync(folder);
const left = present.filter((file) => !pages.has(file));
const changed = [...pages].filter(([file, text]) => !present.includes(file) || read(file) !== text);
if (process.argv.includes("--write")) {
  for (const file of left) rmSync(join(folder, file));
  for (const [file, text] of changed) writeFileSync(join(folder, file), text);
} else {
  for (const file of left) console.error(`docs/errors/${file}: there is no such code`);
  for (const [file] of changed) console.error(`docs/errors/${file}: it is not what the catalogue says`);
  const faults = left.length + changed.length;
  if (faults > 0) console.error("run scripts/errors.drift.ts --write");
  process.exitCode = faults === 0 ? 0 : 1;
}

function read(file: string): string {
  return readFileSync(join(folder, file), "utf8");
}

function fileOf(name: string, language: Language): string {
  return language === "en" ? `${name}.md` : `${name}.${language}.md`;
}

function indexPage(language: Language): string {
  const { heading, about } = TEXTS[language];
  const list = codes.map((code) => {
    const { status, words } = PROBLEMS[code];
    return `- [${code}](${fileOf(code, language)}) (${status}): ${words[language].title}.`;
  });
  return `${[`# ${heading}`, about, list.join("\n"), otherLanguages("README", language)].join("\n\n")}\n`;
}

function codePage(code: ProblemCode, language: Language): string {
  const { status, words } = PROBLEMS[code];
  const { title, cause, fix } = words[language];
  const { sections, all } = TEXTS[language];
  const [ofCause, ofFix, ofExample] = sections;
  return `${[
    `# ${code}`,
    `**${status}** ${title}.`,
    `## ${ofCause}`,
    cause,
    `## ${ofFix}`,
    fix,
    `## ${ofExample}`,
    exampleOf(code, language),
    `[${all}](${fileOf("README", language)}) · ${otherLanguages(code, language)}`,
  ].join("\n\n")}\n`;
}

function exampleOf(code: ProblemCode, language: Language): string {
  return ["```json", JSON.stringify(exampleProblem(code, language), null, 2), "```"].join("\n");
}

function otherLanguages(name: string, language: Language): string {
  return LANGUAGES.filter((other) => other !== language)
    .map((other) => `[${TEXTS[other].name}](${fileOf(name, other)})`)
    .join(" · ");
}
