/** Where a RabbitMQ speaks STOMP, and how one gets in. */
export interface RabbitMqTarget {
  readonly host: string;
  readonly port: number;
  readonly isTls: boolean;
  readonly login: string;
  readonly passcode: string;
  readonly virtualHost: string;
}

export const RABBITMQ_URL_FORMS =
  "stomp://[USER:PASSWORD@]HOST[:PORT][/VIRTUAL-HOST], or stomps:// for TLS";

/** null for a text that is no such URL, see `RABBITMQ_URL_FORMS`. Nobody named is RabbitMQ's guest. */
export function parseRabbitMqUrl(text: string): RabbitMqTarget | null {
  const scheme = /^stomp(s?):\/\//.exec(text);
  if (scheme === null) return null;
  const isTls = scheme[1] === "s";
  // What the platform takes for a host and port is one; of a scheme of its own it knows too little.
  const rest = text.slice(scheme[0].length);
  const url = URL.parse(`http://${rest}`);
  if (
    url === null ||
    !/^(?:[\w.-]+|\[[\da-f:.]+\])$/i.test(url.hostname) ||
    url.search !== "" ||
    url.hash !== ""
  )
    return null;
  const [authority = ""] = rest.split(/[/?#]/, 1);
  const standardPort = /:0*80$/.test(authority) ? 80 : isTls ? 61_614 : 61_613;
  const [login, passcode] = [decoded(url.username), decoded(url.password)];
  const virtualHost = decoded(url.pathname.slice(1));
  if (login === undefined || passcode === undefined || virtualHost === undefined) return null;
  if ((login === "") !== (passcode === "") || /[/\0]/.test(url.pathname.slice(1))) return null;
  return {
    ...{ host: url.hostname.replace(/^\[(.*)\]$/, "$1"), isTls },
    port: url.port === "" ? standardPort : Number(url.port),
    ...{ login: login || "guest", passcode: passcode || "guest" },
    virtualHost: virtualHost || "/",
  };
}

/** undefined for what is not percent-encoded well. */
function decoded(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}
