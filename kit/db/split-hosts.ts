/**
 * The URLs of the single hosts of a PostgreSQL URL that may name several (`postgresql://user@one:5432,two:5432/db`, libpq's
 * notation), in its order, without `target_session_attrs`: whoever takes them apart chooses among them.
 */
export function splitHosts(url: string): readonly string[] {
  const [, scheme = "", login = "", hosts = "", rest = ""] = urlPattern.exec(url) ?? [];
  return hosts.split(",").map((host) => {
    const single = new URL(`${scheme}${login}${host}${rest}`);
    single.searchParams.delete("target_session_attrs");
    return single.href;
  });
}

const urlPattern = /^([a-z]+:\/\/)((?:[^@/?]*@)?)([^/?]*)(.*)$/s;

/** The same with another role and its password. */
export function withLogin(url: string, login: { readonly role: string; readonly password: string }): string {
  const changed = new URL(url);
  changed.username = login.role;
  changed.password = login.password;
  return changed.href;
}
