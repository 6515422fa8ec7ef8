// Error codes of requests that cannot be read, or that do not follow the contract, whoever sends them.
import type { ProblemEntry } from "./problem-entry.ts";

export const OF_REQUESTS = {
  INVALID_JSON: {
    status: 400,
    words: {
      en: {
        title: "The body is not valid JSON",
        cause: "The body is empty, is not JSON as RFC 8259 defines it, or is not UTF-8.",
        fix: "Send one JSON object in UTF-8: double quotes, no comments, no comma after the last element.",
      },
      ko: {
        title: "본문이 올바른 JSON이 아닙니다",
        cause: "본문이 비어 있거나, RFC 8259의 JSON 형식이 아니거나, UTF-8이 아닙니다.",
        fix: "JSON 객체 하나를 UTF-8로 보내십시오. 큰따옴표를 쓰고, 주석과 마지막 요소 뒤의 쉼표는 빼십시오.",
      },
    },
    example: { detail: "The body is not valid JSON (RFC 8259) in UTF-8.", errors: [] },
  },
  INVALID_REQUEST: {
    status: 400,
    words: {
      en: {
        title: "The request does not follow the contract",
        cause:
          "A field of the body, a query parameter or a header is missing, unknown, of the wrong type, or not written as " +
          "the route asks for. Unknown fields are refused, so that a slip of the pen does not go unnoticed.",
        fix: "Correct what errors names, each by its JSON Pointer, and send the request again. Nothing was changed or counted.",
      },
      ko: {
        title: "요청이 계약을 따르지 않습니다",
        cause:
          "본문의 필드, 쿼리 매개변수 또는 헤더가 빠졌거나, 알 수 없는 것이거나, 형식이 경로의 요구와 다릅니다. 오타를 " +
          "놓치지 않도록 알 수 없는 필드는 거절합니다.",
        fix: "errors가 JSON Pointer로 가리키는 항목을 고쳐 다시 보내십시오. 변경되거나 집계된 것은 없습니다.",
      },
    },
    example: {
      detail: "The request does not follow the contract: see errors.",
      errors: [
        { pointer: "/limits", detail: "is missing" },
        { pointer: "/limit", detail: "is unknown" },
      ],
    },
  },
  MALFORMED_HTTP: {
    status: 400,
    words: {
      en: {
        title: "The request is not valid HTTP",
        cause: "The bytes on the connection are no HTTP/1.1 request. A TLS client on a plain port is a common reason.",
        fix: "Check the scheme, the port and any proxy in between. The connection was closed.",
      },
      ko: {
        title: "요청이 올바른 HTTP가 아닙니다",
        cause: "연결로 들어온 바이트가 HTTP/1.1 요청이 아닙니다. 평문 포트에 TLS로 접속한 경우가 흔합니다.",
        fix: "스킴과 포트, 중간의 프록시를 확인하십시오. 연결은 닫혔습니다.",
      },
    },
    example: { detail: "The connection is closed; send a request that follows RFC 9112.", errors: [], traceId: "" },
  },
  METHOD_NOT_ALLOWED: {
    status: 405,
    words: {
      en: {
        title: "The resource does not answer this method",
        cause: "The path exists, and answers other methods only.",
        fix: "Use one of the methods in the Allow header.",
      },
      ko: {
        title: "리소스가 이 메서드를 지원하지 않습니다",
        cause: "경로는 있지만 다른 메서드에만 답합니다.",
        fix: "Allow 헤더에 있는 메서드를 사용하십시오.",
      },
    },
    example: { detail: "Use GET or POST.", errors: [] },
  },
  REQUEST_TIMEOUT: {
    status: 408,
    words: {
      en: {
        title: "The request did not arrive in time",
        cause: "The head or the whole of the request took longer than the server waits: 5 and 10 seconds.",
        fix: "Send the request at once on a new connection. Look for a slow network or a proxy that holds bodies back.",
      },
      ko: {
        title: "요청이 제시간에 도착하지 않았습니다",
        cause: "요청의 헤더나 전체가 서버가 기다리는 시간(각각 5초와 10초) 안에 도착하지 않았습니다.",
        fix: "새 연결에서 요청을 한 번에 보내십시오. 느린 네트워크나 본문을 붙잡아 두는 프록시가 있는지 확인하십시오.",
      },
    },
    example: { detail: "The connection is closed; send a request that follows RFC 9112.", errors: [], traceId: "" },
  },
  BODY_TOO_LARGE: {
    status: 413,
    words: {
      en: {
        title: "The body is larger than allowed",
        cause: "A check may hold 16 KiB, a batch and any body of the Admin API 1 MiB.",
        fix: "Send less at once: split a batch, or apply a policy set in parts.",
      },
      ko: {
        title: "본문이 허용 크기를 넘습니다",
        cause: "본문의 상한은 체크 한 건이 16 KiB, 배치와 Admin API가 1 MiB입니다.",
        fix: "한 번에 보내는 양을 줄이십시오. 배치나 정책 집합을 나누어 보내면 됩니다.",
      },
    },
    example: { detail: "The body is larger than this route reads.", errors: [] },
  },
  UNSUPPORTED_MEDIA_TYPE: {
    status: 415,
    words: {
      en: {
        title: "The body must be application/json",
        cause: "The Content-Type is missing or another one, or the body has a Content-Encoding.",
        fix: "Send Content-Type: application/json, and the body uncompressed.",
      },
      ko: {
        title: "본문은 application/json이어야 합니다",
        cause: "Content-Type이 없거나 다른 값이거나, 본문에 Content-Encoding이 적용되어 있습니다.",
        fix: "Content-Type: application/json으로, 본문은 압축하지 않고 보내십시오.",
      },
    },
    example: { detail: "Send Content-Type: application/json.", errors: [] },
  },
  HEADERS_TOO_LARGE: {
    status: 431,
    words: {
      en: {
        title: "The header fields are larger than allowed",
        cause:
          "The request line and header fields together exceed 16 KiB. Cookies or tokens of another site are a common reason.",
        fix: "Send fewer or shorter header fields on a new connection.",
      },
      ko: {
        title: "헤더가 허용 크기를 넘습니다",
        cause: "요청 줄과 헤더의 합이 16 KiB를 넘습니다. 다른 사이트의 쿠키나 토큰이 함께 실려 온 경우가 흔합니다.",
        fix: "헤더의 수나 길이를 줄여 새 연결로 보내십시오.",
      },
    },
    example: { detail: "The connection is closed; send a request that follows RFC 9112.", errors: [], traceId: "" },
  },
} satisfies Record<string, ProblemEntry>;
