import type { MessageStatus } from "../conversation.ts";

const LABELS: Readonly<Record<MessageStatus, string>> = {
  SENDING: "Sending",
  FAILED: "Not sent",
  SENT: "Sent",
  DELIVERED: "Delivered",
  READ: "Read",
};

/** How far one's own message has come. */
export function Ticks({ status }: { readonly status: MessageStatus }) {
  return (
    <span role="img" aria-label={LABELS[status]} className={`ticks ticks-${status.toLowerCase()}`}>
      <svg aria-hidden="true" width="18" height="12" viewBox="0 0 18 12" fill="none">
        <Shape status={status} />
      </svg>
    </span>
  );
}

function Shape({ status }: { readonly status: MessageStatus }) {
  const line = {
    ...{ stroke: "currentColor", strokeWidth: 1.6 },
    ...{ strokeLinecap: "round" as const, strokeLinejoin: "round" as const },
  };
  switch (status) {
    case "SENDING":
      return (
        <>
          <circle cx="11.5" cy="6" r="4.6" {...line} strokeWidth={1.3} />
          <path d="M11.5 3.6V6l1.6 1.1" {...line} strokeWidth={1.3} />
        </>
      );
    case "FAILED":
      return (
        <>
          <circle cx="11.5" cy="6" r="4.8" {...line} strokeWidth={1.3} />
          <path d="M11.5 3.6v2.8M11.5 8.4v.1" {...line} />
        </>
      );
    case "SENT":
      return <path d="M6.5 6.5l3 3 6-7" {...line} />;
    case "DELIVERED":
    case "READ":
      return <path d="M1.5 6.5l3 3 6-7M8.3 8.5l1.1 1 6-7" {...line} />;
  }
}
