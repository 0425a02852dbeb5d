import type { Clock } from "../clock.ts";
import type { Settings } from "../config.ts";
import type { Log } from "../log.ts";
import type { ListeningPorts } from "../process-place.ts";
import type { CertificateFiles } from "../transport/certificate.ts";
import { CertificateWatch } from "../transport/certificate-watch.ts";
import { HttpsRedirect } from "../transport/https-redirect.ts";
import { listening, urlHost } from "../transport/listening.ts";
import { TcpEndpoint, type TcpEndpointOptions } from "../transport/tcp-endpoint.ts";
import { WebListener, type WebListenerOptions } from "../transport/web-listener.ts";

export interface ListenerParts {
  readonly settings: Settings;
  readonly clock: Clock;
  readonly log: Log;
  /** Other processes of this server listen on the same ports. */
  readonly isShared: boolean;
  readonly web: Omit<WebListenerOptions, "hostname" | "port" | "tls" | "isShared">;
  readonly tcp: Omit<TcpEndpointOptions, "hostname" | "port" | "tls" | "isShared">;
}

/** Everything that listens, and the certificates that it shows. */
export class Listeners {
  readonly web: WebListener;
  readonly tcp: TcpEndpoint | null = null;
  readonly #redirect: HttpsRedirect | null = null;
  readonly #watches: CertificateWatch[] = [];
  readonly #settings: Settings;

  /** Throws INVALID_CONFIGURATION when one of them cannot listen; then none does. */
  constructor({ settings, clock, log, isShared, web, tcp }: ListenerParts) {
    this.#settings = settings;
    const { reloadMs } = settings.tls;
    const watch = (files: CertificateFiles | null) =>
      files === null ? null : new CertificateWatch({ files, reloadMs, clock, log });
    // All files are read before anything listens.
    const webWatch = watch(filesOf("tls", settings));
    const tcpWatch = settings.tcp.port === undefined ? null : watch(filesOf("tcp", settings));
    this.web = listenForWeb(settings, { ...web, isShared, tls: webWatch?.current ?? null });
    try {
      this.tcp = listenOnTcp(settings, { ...tcp, isShared, tls: tcpWatch?.current ?? null });
      const redirect = { settings, webPort: this.web.port, isShared };
      this.#redirect = webWatch && listenForRedirect(redirect, webWatch);
    } catch (fault) {
      this.terminate().catch(() => {}); // The first fault is the one to tell.
      throw fault;
    }
    webWatch?.start((certificate) => this.web.renew(certificate));
    tcpWatch?.start((certificate) => this.tcp?.renew(certificate));
    for (const started of [webWatch, tcpWatch]) if (started) this.#watches.push(started);
  }

  get ports(): ListeningPorts {
    const { tcp, web } = this;
    return { web: web.port, tcp: tcp?.port ?? null, redirect: this.#redirect?.port ?? null };
  }

  get url(): string {
    const { host, tls } = this.#settings;
    const scheme = tls.certFile === undefined ? "http" : "https";
    return `${scheme}://${urlHost(host)}:${this.web.port}`;
  }

  /** With the schemes that other STOMP servers use. */
  get tcpUrl(): string | undefined {
    if (this.tcp === null) return undefined;
    const { host, certFile } = this.#settings.tcp;
    const scheme = certFile === undefined ? "stomp" : "stomp+ssl";
    return `${scheme}://${urlHost(host)}:${this.tcp.port}`;
  }

  /** Where plain HTTP is redirected; undefined where it is not. */
  get redirectUrl(): string | undefined {
    if (this.#redirect === null) return undefined;
    return `http://${urlHost(this.#settings.host)}:${this.#redirect.port}`;
  }

  /** Accepts nothing new, and resolves when every connection is gone. */
  async stop(): Promise<void> {
    for (const watch of this.#watches) watch.stop();
    await Promise.all([this.web.stop(), this.tcp?.stop(), this.#redirect?.terminate()]);
  }

  /** Drops what is left. */
  async terminate(): Promise<void> {
    this.tcp?.terminate();
    await Promise.all([this.web.terminate(), this.#redirect?.terminate()]);
  }
}

/** null: without TLS. */
function filesOf(group: "tls" | "tcp", settings: Settings): CertificateFiles | null {
  const { certFile, keyFile } = settings[group];
  if (certFile === undefined || keyFile === undefined) return null;
  // The files of the one are the other's too.
  const isShared = certFile === settings.tls.certFile;
  return { group: isShared ? "tls" : group, certFile, keyFile };
}

function listenForWeb(
  { host, port }: Settings,
  options: Omit<WebListenerOptions, "hostname" | "port">,
): WebListener {
  const listen = () => new WebListener({ ...options, hostname: host, port });
  return listening("port", { host, port }, listen);
}

function listenOnTcp(
  { tcp: { host, port } }: Settings,
  options: Omit<TcpEndpointOptions, "hostname" | "port">,
): TcpEndpoint | null {
  if (port === undefined) return null;
  const listen = () => new TcpEndpoint({ ...options, hostname: host, port });
  return listening("tcp.port", { host, port }, listen);
}

function listenForRedirect(
  {
    settings: { host, tls },
    webPort,
    isShared,
  }: { readonly settings: Settings; readonly webPort: number; readonly isShared: boolean },
  watch: CertificateWatch,
): HttpsRedirect | null {
  const { redirectPort: port, publicPort = webPort } = tls;
  if (port === undefined) return null;
  const certificate = () => watch.current;
  const options = { hostname: host, port, publicPort, isShared, certificate };
  return listening("tls.redirect_port", { host, port }, () => new HttpsRedirect(options));
}
