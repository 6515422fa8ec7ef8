// What makes a tenant's id and time zone valid. Pure. Not here: how tenants are stored (policies/tenants.pg.ts).

const TENANT_ID = /^[A-Za-z0-9._-]{1,64}$/;

export function isTenantId(text: string): boolean {
  return TENANT_ID.test(text);
}

/** Whether `text` is an IANA name. Offsets such as +09:00 are none: they know no daylight saving. */
export function isTimeZone(text: string): boolean {
  if (!/^[A-Za-z]/.test(text)) return false;
  try {
    new Intl.DateTimeFormat("en", { timeZone: text });
    return true;
  } catch {
    return false;
  }
}
