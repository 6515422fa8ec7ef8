// The page at /docs: it loads the reference's script from this port, which reads the OpenAPI document from this port.
//
// Promise: nothing is asked of any other origin. The reference is told to leave out its fonts, telemetry, assistant and
// proxy, and the Content-Security-Policy forbids what it might do all the same. Pure.
import { INFO } from "./openapi-parts.ts";

export const DOCUMENT_PATH = "/openapi.json";
export const DOCS_PATH = "/docs";
export const SCRIPT_PATH = "/docs/reference.js";

const CONFIGURATION = {
  url: DOCUMENT_PATH,
  withDefaultFonts: false,
  telemetry: false,
  agent: { disabled: true },
  mcp: { disabled: true },
  // A request that is tried out goes straight to this port, with a token that is forgotten with the page.
  proxyUrl: "",
  persistAuth: false,
  hideClientButton: true,
  showDeveloperTools: "never",
};

/** `nonce` is new for every answer: only what carries it runs. */
export function docsPage(nonce: string): string {
  return `<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8" />
    <meta name="viewport" content="width=device-width, initial-scale=1" />
    <link rel="icon" href="data:," />
    <title>${INFO.title} API</title>
  </head>
  <body>
    <div id="app"></div>
    <script src="${SCRIPT_PATH}" nonce="${nonce}"></script>
    <script nonce="${nonce}">Scalar.createApiReference("#app", ${JSON.stringify(CONFIGURATION)})</script>
  </body>
</html>
`;
}

export function docsPolicy(nonce: string): string {
  return [
    "default-src 'none'",
    `script-src 'nonce-${nonce}'`,
    // The reference writes style attributes and elements that carry no nonce. Styles run nothing, and reach nothing here.
    "style-src 'unsafe-inline'",
    "img-src 'self' data:",
    "connect-src 'self'",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ].join("; ");
}
