// `sluice users create ID --first-admin`: makes the user without whom nobody could sign in to make any, directly in the
// database. Where there is a user already it is refused: an ADMIN makes the others.
import type { AuditTables } from "@sluice/service/audit/audit-tables.ts";
import type { AuthTables } from "@sluice/service/auth/auth-tables.ts";
import type { LoginId } from "@sluice/service/auth/login-id.ts";
import type { User } from "@sluice/service/auth/users.pg.ts";
import type { PostgresOptions } from "@sluice/service/platform/postgres.ts";
import { withDatabase } from "./database.ts";
import { CommandFailure, EXIT } from "./exit-codes.ts";
import { readPassword } from "./password.ts";
import type { Instead } from "./resources/resource.ts";
import { readStores } from "./stores.ts";
import type { Terminal } from "./terminal.ts";

type Options = Readonly<{ firstAdmin?: boolean; database?: string; passwordFile?: string }>;

export const FIRST_ADMIN: Instead = {
  addOptions: (command) => {
    command
      .option("--first-admin", "make the first user, an ADMIN of all tenants, directly in the database")
      .option("--database <url>", "with --first-admin: PostgreSQL (or SLUICE_DATABASE_URL; else the embedded one)");
  },
  isWanted: ({ firstAdmin }: Options) => firstAdmin === true,
  act: createFirstAdmin,
};

async function createFirstAdmin(terminal: Terminal, typed: string, options: Options) {
  const { database } = readStores(terminal.environment, { SLUICE_DATABASE_URL: options.database });
  // Imported only now: other commands start faster without them.
  const { parseLoginId } = await import("@sluice/service/auth/login-id.ts");
  const { requireGoodPassword } = await import("@sluice/service/auth/password-rules.ts");
  const loginId = parseLoginId(typed);
  if (loginId === null) throw new CommandFailure(EXIT.usage, "A login id is 1 to 100 of A-Z a-z 0-9 . _ @ -");
  const password = await readPassword(terminal, {
    ...{ file: options.passwordFile, variable: "SLUICE_NEW_PASSWORD", question: `Password of ${loginId}`, isNew: true },
  });
  try {
    requireGoodPassword(password, loginId);
  } catch (fault) {
    throw new CommandFailure(EXIT.usage, messageOf(fault));
  }
  const user = await withDatabase(database, (postgres) => insert(postgres, loginId, password)).catch((fault) => {
    throw explained(fault);
  });
  if (user === null) {
    throw new CommandFailure(EXIT.conflict, "There are users already: an ADMIN makes more, without --first-admin.");
  }
  return { id: user.id, loginId: user.loginId, role: user.role, tenants: user.tenants };
}

async function insert(options: PostgresOptions, loginId: LoginId, password: string): Promise<User | null> {
  const [{ openPostgres }, { ensureFirstAdmin, hasUsers }, { createPasswordHasher }, { appendAudit }] =
    await Promise.all([
      import("@sluice/service/platform/postgres.ts"),
      import("@sluice/service/auth/first-admin.pg.ts"),
      import("@sluice/service/auth/password-hasher.job.ts"),
      import("@sluice/service/audit/audit-append.pg.ts"),
    ]);
  const postgres = openPostgres<AuthTables & AuditTables>({ ...options, poolSize: 1 });
  try {
    if (await hasUsers(postgres.sql.$pickTables<keyof AuthTables>())) return null;
    const passwordHash = await createPasswordHasher().hash(password);
    return await postgres.sql.transaction().execute(async (transaction) => {
      const user = await ensureFirstAdmin(transaction.$pickTables<keyof AuthTables>(), { loginId, passwordHash });
      if (user === null) return null;
      await appendAudit(transaction.$pickTables<keyof AuditTables>(), {
        ...{ actor: { kind: "SYSTEM", id: "command line" }, action: "user.create", outcome: "DONE", tenant: null },
        resource: { kind: "user", id: user.id },
        origin: { address: null, userAgent: null, requestId: null },
        before: null,
        after: { loginId: user.loginId, role: user.role },
      });
      return user;
    });
  } finally {
    await postgres.close();
  }
}

/** Classes of SQLSTATE: 28 = who we are, 42P01 = no such table; the rest of what fails here is a server that is away. */
function explained(fault: unknown): unknown {
  if (fault instanceof CommandFailure) return fault;
  const code = String((fault as { code?: unknown }).code ?? "");
  const said = messageOf(fault) || code;
  if (code === "42P01")
    return new CommandFailure(EXIT.conflict, "The database has no schema: run `sluice migrate` first.");
  if (code.startsWith("28")) return new CommandFailure(EXIT.auth, `PostgreSQL refuses this user: ${said}`);
  if (/^(E[A-Z]+|08...|57...)$/.test(code) || /timeout/.test(said)) {
    return new CommandFailure(EXIT.unreachable, `PostgreSQL cannot be reached: ${said}`);
  }
  return fault;
}

function messageOf(fault: unknown): string {
  return fault instanceof Error ? fault.message : String(fault);
}
