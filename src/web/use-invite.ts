import { useCallback, useEffect, useState } from "react";
import { codeInHash } from "./invite-address.ts";

/** The code of a link into a group that the page was opened with; null: it was opened otherwise. */
export function useInvite() {
  const [code, setCode] = useState(() => codeInHash(location.hash));

  useEffect(() => {
    const onAddress = () => setCode(codeInHash(location.hash));
    addEventListener("hashchange", onAddress);
    return () => removeEventListener("hashchange", onAddress);
  }, []);

  const forget = useCallback(() => {
    history.replaceState(null, "", location.pathname);
    setCode(null);
  }, []);

  return { code, forget };
}
