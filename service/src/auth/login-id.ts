// The name an administrator signs in with. One spelling is stored, so it is unique in whatever case it is typed.

export type LoginId = string & { readonly brand: "LoginId" };

const LOGIN_ID = /^[A-Za-z0-9._@-]{1,100}$/;

/** Null where no user can have this name. */
export function parseLoginId(text: string): LoginId | null {
  return LOGIN_ID.test(text) ? (text.toLowerCase() as LoginId) : null;
}
