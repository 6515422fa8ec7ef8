// Error codes of callers: who they are, what they may do, how often they may try.
import type { ProblemEntry } from "./problem-entry.ts";

export const OF_CALLERS = {
  UNAUTHENTICATED: {
    status: 401,
    words: {
      en: {
        title: "The caller did not prove who it is",
        cause:
          "The access token, the service credential or the client certificate is missing, wrong, expired or revoked, " +
          "or the login id and password do not belong together.",
        fix: "Refresh the access token or sign in again. A caller of checks sends an active credential in X-Service-Auth.",
      },
      ko: {
        title: "호출자의 신원이 확인되지 않았습니다",
        cause:
          "액세스 토큰, 서비스 자격 증명 또는 클라이언트 인증서가 없거나, 틀렸거나, 만료 또는 폐기되었습니다. 로그인 ID와 " +
          "비밀번호가 서로 맞지 않는 경우에도 이렇게 답합니다.",
        fix: "액세스 토큰을 갱신하거나 다시 로그인하십시오. 체크 호출자는 유효한 자격 증명을 X-Service-Auth로 보내야 합니다.",
      },
    },
    example: { detail: "Send Authorization: Bearer <accessToken> of POST /admin/auth/login.", errors: [] },
  },
  FORBIDDEN: {
    status: 403,
    words: {
      en: {
        title: "The role or the tenants of the user do not allow this",
        cause:
          "The user is known, but the role lacks the action, or the action touches all tenants and the user is bound to some.",
        fix: "Ask a user whose role allows it (docs/roles.md lists who may do what), or have an ADMIN change the role.",
      },
      ko: {
        title: "사용자의 역할 또는 테넌트 범위에서 허용되지 않습니다",
        cause:
          "사용자는 확인되었지만 역할에 이 작업이 없거나, 모든 테넌트에 영향을 주는 작업을 일부 테넌트에 한정된 사용자가 " +
          "요청했습니다.",
        fix: "권한이 있는 사용자에게 요청하거나(역할별 권한은 docs/roles.md) ADMIN에게 역할 변경을 요청하십시오.",
      },
    },
    example: { detail: "plan.create needs the role ADMIN; yours is OPERATOR.", errors: [] },
  },
  TENANT_NOT_PERMITTED: {
    status: 403,
    words: {
      en: {
        title: "The credential may not ask for this tenant",
        cause:
          "The service credential is bound to tenants, and the check names another one. A batch is refused as a whole.",
        fix: "Use a credential that is bound to the tenant, or to none.",
      },
      ko: {
        title: "이 자격 증명으로는 해당 테넌트를 조회할 수 없습니다",
        cause:
          "서비스 자격 증명이 특정 테넌트에 한정되어 있는데 체크가 다른 테넌트를 가리킵니다. 배치는 전체가 거절됩니다.",
        fix: "해당 테넌트에 허용된 자격 증명이나 테넌트 제한이 없는 자격 증명을 사용하십시오.",
      },
    },
    example: {
      detail: "Use a credential that is bound to the tenant.",
      errors: [{ pointer: "/tenantId", detail: "is a tenant this credential is not bound to" }],
    },
  },
  WRONG_PASSWORD: {
    status: 403,
    words: {
      en: {
        title: "The old password is wrong",
        cause: "Users change their own password by naming the one until now, and what was sent is not it.",
        fix: "Send the right one, or have an ADMIN set a new password. Wrong ones count as failed sign-ins.",
      },
      ko: {
        title: "기존 비밀번호가 틀렸습니다",
        cause: "자신의 비밀번호를 바꾸려면 지금까지 쓰던 비밀번호가 필요한데, 보낸 값이 그것과 다릅니다.",
        fix: "올바른 비밀번호를 보내거나 ADMIN에게 새 비밀번호 설정을 요청하십시오. 틀린 시도는 로그인 실패로 집계됩니다.",
      },
    },
    example: {
      detail: "The old password is wrong: nothing was changed.",
      errors: [{ pointer: "/oldPassword", detail: "is not your password" }],
    },
  },
  TOO_MANY_ATTEMPTS: {
    status: 429,
    words: {
      en: {
        title: "Too many attempts",
        cause:
          "Too many passwords were wrong for this login id or from this address. The pause grows with every further failure.",
        fix: "Wait as long as Retry-After says, then send the right password: it clears the failures of the account.",
      },
      ko: {
        title: "시도 횟수가 너무 많습니다",
        cause:
          "이 로그인 ID 또는 이 주소에서 틀린 비밀번호가 너무 많이 입력되었습니다. 실패가 이어질수록 대기 시간이 길어집니다.",
        fix: "Retry-After에 적힌 시간만큼 기다린 뒤 올바른 비밀번호를 보내십시오. 성공하면 그 계정의 실패 횟수가 지워집니다.",
      },
    },
    example: { detail: "Too many wrong passwords: try again in 1 s.", errors: [] },
  },
} satisfies Record<string, ProblemEntry>;
