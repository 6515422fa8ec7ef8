// Error codes of faults that are not the caller's.
import type { ProblemEntry } from "./problem-entry.ts";

export const OF_SERVICE = {
  INTERNAL: {
    status: 500,
    words: {
      en: {
        title: "The service failed",
        cause: "A fault of the service itself. What exactly happened is in its log, and not in the answer.",
        fix: "Give the traceId to whoever runs the service: its log has the cause under it.",
      },
      ko: {
        title: "서비스 내부 오류입니다",
        cause: "서비스 자체의 결함입니다. 정확한 원인은 응답이 아니라 서비스의 로그에 있습니다.",
        fix: "서비스 운영자에게 traceId를 알려 주십시오. 로그에서 그 값으로 원인을 찾을 수 있습니다.",
      },
    },
    example: {
      detail: "The request could not be answered. The log has the cause under this trace id.",
      errors: [],
    },
  },
  UNAVAILABLE: {
    status: 503,
    words: {
      en: {
        title: "The database cannot be reached",
        cause: "PostgreSQL is away or too busy. The Admin API needs it for every request; checks do not, and go on.",
        fix: "Try again after Retry-After. If it lasts, look at PostgreSQL and the network to it.",
      },
      ko: {
        title: "데이터베이스에 연결할 수 없습니다",
        cause:
          "PostgreSQL에 연결할 수 없거나 부하가 너무 큽니다. Admin API는 모든 요청에 PostgreSQL이 필요하지만, 체크는 그렇지 않으므로 " +
          "계속됩니다.",
        fix: "Retry-After에 적힌 시간이 지난 뒤 다시 시도하십시오. 계속되면 PostgreSQL과 네트워크를 점검하십시오.",
      },
    },
    example: {
      detail: "PostgreSQL cannot be reached. Checks go on; administration goes on when it is back.",
      errors: [],
    },
  },
} satisfies Record<string, ProblemEntry>;
