/** Says that the browser has a session, not which: the session itself is where no script reads it. */
const mark = "lyss.signed-in";
const path = "/api/v1/auth/browser-session";

let underWay: Promise<boolean> | undefined;
let onLost: () => void = () => {};

/** Whether somebody has signed in here and has not signed out. */
export function isMarkedSignedIn(): boolean {
  return localStorage.getItem(mark) !== null;
}

export function markSignedIn(isSignedIn: boolean): void {
  if (isSignedIn) localStorage.setItem(mark, "1");
  else localStorage.removeItem(mark);
}

/** Called when the session has ended and cannot be kept going. */
export function whenSessionIsLost(listener: () => void): void {
  onLost = listener;
}

/** Keeps the session going: once, however many calls and tabs ask for it at a time. False when it has ended. */
export function keepSession(): Promise<boolean> {
  if (!isMarkedSignedIn()) return Promise.resolve(false);
  underWay ??= renew().finally(() => {
    underWay = undefined;
  });
  return underWay;
}

async function renew(): Promise<boolean> {
  const ask = () => fetch(path, { method: "POST", headers: { accept: "application/json" } });
  const answer = await ("locks" in navigator ? navigator.locks.request("lyss.session", ask) : ask()).catch(
    () => undefined,
  );
  // Not to be reached is not signed out.
  if (!answer || answer.status >= 500) return false;
  if (answer.ok) return true;
  markSignedIn(false);
  onLost();
  return false;
}
