// The names a certificate holds, as an operator lists them: `DNS:gateway.internal`, `URI:spiffe://cluster/gateway`, ...
// Reads node's subjectAltName text, in which a name holding a comma or a quote is written as a JSON string, so that no
// name can pass itself off as two.

/** The entries of a subjectAltName, each `TYPE:value`; one that cannot be read is left out, so it can match nothing. */
export function certificateNames(subjectAltName: string | undefined): string[] {
  if (subjectAltName === undefined) return [];
  return [...subjectAltName.matchAll(ENTRY)].flatMap(([, type, quoted, plain]) => {
    if (quoted === undefined) return [`${type}:${plain ?? ""}`];
    const value = unquote(quoted);
    return value === null ? [] : [`${type}:${value}`];
  });
}

/** One entry up to the next ", ": the type, then a quoted or a plain value. */
const ENTRY = /(?:^|, )([A-Za-z][A-Za-z ]*):(?:("(?:[^"\\]|\\.)*")(?=, |$)|([^,"]*)(?=, |$))/g;

function unquote(text: string): string | null {
  try {
    return JSON.parse(text) as string;
  } catch {
    return null;
  }
}
