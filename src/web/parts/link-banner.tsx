import type { Link } from "../state.ts";

const TEXTS: Readonly<Record<Link, string>> = {
  connecting: "Connecting…",
  online: "",
  offline: "Offline, trying again…",
};

export function LinkBanner({ link }: { readonly link: Link }) {
  return (
    <div role="status" className={`link-banner link-${link}`}>
      {TEXTS[link]}
    </div>
  );
}
