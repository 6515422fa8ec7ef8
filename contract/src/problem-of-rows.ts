// Error codes of changes that the stored rows do not allow.
import type { ProblemEntry } from "./problem-entry.ts";

export const OF_ROWS = {
  NOT_FOUND: {
    status: 404,
    words: {
      en: {
        title: "There is no such resource",
        cause:
          "The path is none of the API's, or the row does not exist. To a user who is bound to tenants, rows of other " +
          "tenants do not exist either.",
        fix: "Check the path and the identifier, for example against the list of the same resource.",
      },
      ko: {
        title: "해당 리소스가 없습니다",
        cause:
          "API에 없는 경로이거나 항목이 없습니다. 특정 테넌트에 한정된 사용자에게는 다른 테넌트의 항목도 없는 것으로 답합니다.",
        fix: "경로와 식별자를 확인하십시오. 같은 리소스의 목록과 비교해 보면 됩니다.",
      },
    },
    example: { detail: "There is no plan GOLD.", errors: [] },
  },
  CONFLICT: {
    status: 409,
    words: {
      en: {
        title: "The present state does not allow this",
        cause: "The request is well-formed, but what is stored now forbids it.",
        fix: "Read detail: it names what has to change first.",
      },
      ko: {
        title: "현재 상태에서는 허용되지 않습니다",
        cause: "요청의 형식은 올바르지만 현재 저장된 상태에서는 수행할 수 없습니다.",
        fix: "먼저 바꾸어야 할 것이 detail에 적혀 있으니 확인하십시오.",
      },
    },
    example: {
      detail: "kim is the last enabled ADMIN who is bound to no tenant: make another one first.",
      errors: [],
    },
  },
  IN_USE: {
    status: 409,
    words: {
      en: {
        title: "Other rows still refer to this one",
        cause: "What is to be deleted is still used: a plan by tenants or policies, a tenant by policies.",
        fix: "Change or delete the rows that detail names, then delete this one.",
      },
      ko: {
        title: "다른 항목이 이 항목을 참조하고 있습니다",
        cause: "삭제하려는 항목이 아직 쓰이고 있습니다. 플랜은 테넌트나 정책이, 테넌트는 정책이 참조할 수 있습니다.",
        fix: "detail에 적힌 항목을 먼저 바꾸거나 삭제한 뒤 이 항목을 삭제하십시오.",
      },
    },
    example: { detail: "Plan FREE is in use by tenant acme. Give them another plan first.", errors: [] },
  },
  TAKEN: {
    status: 409,
    words: {
      en: {
        title: "Another row has this name or key",
        cause: "Names and keys are unique, and another row has this one already.",
        fix: "Choose another name, or change the row that has it.",
      },
      ko: {
        title: "같은 이름 또는 키를 가진 항목이 이미 있습니다",
        cause: "이름과 키는 고유해야 하는데 다른 항목이 이미 쓰고 있습니다.",
        fix: "다른 이름을 고르거나, 그 이름을 가진 항목을 변경하십시오.",
      },
    },
    example: { detail: "There is a tenant acme already.", errors: [] },
  },
  RESERVED: {
    status: 409,
    words: {
      en: {
        title: "The id is reserved",
        cause:
          "The id belonged to a deleted tenant whose month has not closed yet: its usage must not become another's.",
        fix: "Choose another id, or wait until the month of the deleted tenant has closed.",
      },
      ko: {
        title: "예약된 식별자입니다",
        cause:
          "삭제된 테넌트가 쓰던 식별자이며 그 테넌트의 월이 아직 마감되지 않았습니다. 사용량이 다른 테넌트의 것이 되지 않도록 " +
          "예약해 둡니다.",
        fix: "다른 식별자를 고르거나, 삭제된 테넌트의 월이 마감될 때까지 기다리십시오.",
      },
    },
    example: {
      detail:
        "The id acme belonged to a deleted tenant and is reserved until that tenant's month has closed: " +
        "choose another id, or wait.",
      errors: [],
    },
  },
  STALE: {
    status: 412,
    words: {
      en: {
        title: "The row was changed meanwhile",
        cause: "If-Match names an ETag that the row no longer has: somebody changed it after you read it.",
        fix: "Read the row again, decide anew, and send the change with the new ETag.",
      },
      ko: {
        title: "그동안 항목이 변경되었습니다",
        cause: "If-Match의 ETag가 항목의 현재 ETag와 다릅니다. 읽은 뒤에 누군가 항목을 변경했습니다.",
        fix: "항목을 다시 읽고 내용을 확인한 뒤 새 ETag로 변경을 보내십시오.",
      },
    },
    example: { detail: "The row was changed since you read it: read it again.", errors: [] },
  },
  ETAG_REQUIRED: {
    status: 428,
    words: {
      en: {
        title: "Changing a row needs If-Match",
        cause: "The request changes an existing row without saying which version of it was read.",
        fix: "Read the row, and send its ETag in If-Match.",
      },
      ko: {
        title: "항목을 변경하려면 If-Match가 필요합니다",
        cause: "기존 항목을 변경하면서 어느 버전을 읽었는지 밝히지 않았습니다.",
        fix: "항목을 읽고 그 ETag를 If-Match로 보내십시오.",
      },
    },
    example: {
      detail: "Send If-Match with the ETag of the row as you read it: it keeps others' changes.",
      errors: [],
    },
  },
} satisfies Record<string, ProblemEntry>;
