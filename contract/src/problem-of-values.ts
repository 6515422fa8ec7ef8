// Error codes of well-formed requests whose values do not fit: to the stored rows, to the rules, or to a key sent before.
import type { ProblemEntry } from "./problem-entry.ts";

export const OF_VALUES = {
  IDEMPOTENCY_KEY_IN_PROGRESS: {
    status: 409,
    words: {
      en: {
        title: "The first request with this Idempotency-Key is still running",
        cause: "The same request was sent twice with one Idempotency-Key, and the first one has not ended yet.",
        fix: "Send it again in a moment with the same key: it is answered with what the first one did.",
      },
      ko: {
        title: "같은 Idempotency-Key의 첫 요청이 아직 처리 중입니다",
        cause: "하나의 Idempotency-Key로 같은 요청이 두 번 왔고 첫 요청이 아직 끝나지 않았습니다.",
        fix: "잠시 뒤 같은 키로 다시 보내십시오. 첫 요청의 결과로 답합니다.",
      },
    },
    example: {
      detail: "The first request with this Idempotency-Key has not ended yet: ask again in a moment.",
      errors: [],
    },
  },
  IDEMPOTENCY_KEY_REUSED: {
    status: 422,
    words: {
      en: {
        title: "The Idempotency-Key was used with another request",
        cause: "The key was sent within 24 hours with other parameters or another body.",
        fix: "Send a new key with every new request; the old key only with exactly the same request.",
      },
      ko: {
        title: "Idempotency-Key가 다른 요청에 이미 쓰였습니다",
        cause: "24시간 안에 같은 키가 다른 매개변수나 본문과 함께 쓰였습니다.",
        fix: "새 요청에는 새 키를 보내십시오. 같은 키는 완전히 같은 요청을 다시 보낼 때만 쓸 수 있습니다.",
      },
    },
    example: {
      detail: "This Idempotency-Key was sent with another request: send a new key with a new request.",
      errors: [],
    },
  },
  UNKNOWN_REFERENCE: {
    status: 422,
    words: {
      en: {
        title: "The request names something that does not exist",
        cause: "The body refers to a plan or a tenant that is not stored.",
        fix: "Create it first, or correct the name.",
      },
      ko: {
        title: "요청이 존재하지 않는 항목을 가리킵니다",
        cause: "본문이 저장되어 있지 않은 플랜이나 테넌트를 가리킵니다.",
        fix: "그 항목을 먼저 만들거나 이름을 바로잡으십시오.",
      },
    },
    example: { detail: "There is no plan GOLD: create it first.", errors: [] },
  },
  OUT_OF_RANGE: {
    status: 422,
    words: {
      en: {
        title: "A value is out of range",
        cause: "A value is of the right type, and too early, too late, too small or too large here.",
        fix: "Choose a value within the range that detail and errors name.",
      },
      ko: {
        title: "값이 허용 범위를 벗어났습니다",
        cause: "값의 형식은 맞지만 너무 이르거나 늦거나, 너무 작거나 큽니다.",
        fix: "detail과 errors에 적힌 범위 안의 값을 고르십시오.",
      },
    },
    example: {
      detail: "A plan is changed now or at an instant to come.",
      errors: [{ pointer: "/at", detail: "must lie ahead; leave it out for now" }],
    },
  },
  WEAK_PASSWORD: {
    status: 422,
    words: {
      en: {
        title: "The password does not follow the rules",
        cause: "The password is too short, too long, holds the login id, or is what a guesser tries first.",
        fix: "Choose another of 12 to 128 characters: several unrelated words do well.",
      },
      ko: {
        title: "비밀번호가 규칙을 따르지 않습니다",
        cause: "비밀번호가 너무 짧거나 길거나, 로그인 ID를 포함하거나, 쉽게 추측할 수 있습니다.",
        fix: "12자 이상 128자 이하의 다른 비밀번호를 고르십시오. 서로 관련 없는 단어를 여러 개 이어 쓰면 좋습니다.",
      },
    },
    example: {
      detail: "The password is shorter than 12 characters. Choose another.",
      errors: [{ pointer: "/password", detail: "is shorter than 12 characters" }],
    },
  },
} satisfies Record<string, ProblemEntry>;
