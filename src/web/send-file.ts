export interface SendFileOptions {
  readonly headers: Readonly<Record<string, string>>;
  /** Up to 100, as far as it is sent; each once. */
  readonly onPercent: (percent: number) => void;
  readonly signal: AbortSignal;
}

/**
 * As `fetch`, which does not tell how much is sent yet: fails with TypeError without a network, and
 * with the signal's reason when that is aborted.
 */
export function sendFile(path: string, file: Blob, options: SendFileOptions): Promise<Response> {
  const { headers, onPercent, signal } = options;
  return new Promise((resolve, reject) => {
    signal.throwIfAborted();
    const request = new XMLHttpRequest();
    request.open("POST", path);
    for (const [name, value] of Object.entries(headers)) request.setRequestHeader(name, value);
    let told = 0;
    request.upload.addEventListener("progress", ({ loaded, total }) => {
      const percent = total === 0 ? 0 : Math.floor((100 * loaded) / total);
      if (percent > told) onPercent(percent);
      told = percent;
    });
    const stop = () => request.abort();
    signal.addEventListener("abort", stop);
    request.addEventListener("load", () => {
      resolve(new Response(request.responseText, { status: request.status }));
    });
    request.addEventListener("error", () => reject(new TypeError("The file could not be sent")));
    request.addEventListener("abort", () => reject(signal.reason));
    request.addEventListener("loadend", () => signal.removeEventListener("abort", stop));
    request.send(file);
  });
}
