// biome-ignore-all lint/suspicious/noTemplateCurlyInString: placeholders of templates are what is tested.
import { expect, test } from "vitest";
import { fillTemplate, renderTemplate } from "./template.ts";

test("each placeholder gets its value, as often as it stands there", () => {
  const text = "port ${PORT}\nurl 127.0.0.1:${PORT}/${NAME_2} $PORT ${port}\n";
  const filled = "port 7000\nurl 127.0.0.1:7000/x $PORT ${port}\n";
  expect(fillTemplate(text, { PORT: 7000, NAME_2: "x" }, "t.conf")).toBe(filled);
});

test("what a value holds is no placeholder", () => {
  expect(fillTemplate("a ${FIRST} ${SECOND}", { FIRST: "${SECOND} $& $1", SECOND: "b" }, "t.conf")).toBe(
    "a ${SECOND} $& $1 b",
  );
});

test("every placeholder without a value is named", () => {
  expect(() => fillTemplate("${PORT} ${HOST} ${PORT}", {}, "t.conf")).toThrow(
    "t.conf asks for PORT, HOST: give a value for each.",
  );
});

test("every value without a placeholder is named", () => {
  expect(() => fillTemplate("${PORT}", { PORT: 1, PROT: 2, HOST: "x" }, "t.conf")).toThrow(
    "t.conf has no place for PROT, HOST: take it away, or correct it.",
  );
});

test("a template of deploy/ is found by its path there", () => {
  const values = { PORT: 7000, CA_FILE: "ca.crt", CERTIFICATE_FILE: "s.crt", KEY_FILE: "s.key" };
  expect(renderTemplate("redis/tls.conf", values)).toContain("tls-port 7000\n");
});
