/** How a transport writes SockJS frames into the response of one request [SockJS 0.3.4]. */
export interface ResponseFormat {
  readonly contentType: string;
  /** The response ends after one frame. */
  readonly isPolling: boolean;
  /** Goes before the first frame. */
  readonly prelude: string;
  /** A frame as it is written. */
  write(frame: string): string;
}

const JAVASCRIPT = "application/javascript; charset=UTF-8";

// [SockJS 0.3.4 §Xhr Polling]
export const XHR_POLLING: ResponseFormat = {
  contentType: JAVASCRIPT,
  isPolling: true,
  prelude: "",
  write: (frame) => `${frame}\n`,
};

// [SockJS 0.3.4 §Xhr Streaming] Some browsers show a response only after 2 KiB of it.
export const XHR_STREAMING: ResponseFormat = {
  contentType: JAVASCRIPT,
  isPolling: false,
  prelude: `${"h".repeat(2_048)}\n`,
  write: (frame) => `${frame}\n`,
};

// [SockJS 0.3.4 §Event Source] A frame is JSON, so it has no line ends of its own.
export const EVENT_SOURCE: ResponseFormat = {
  contentType: "text/event-stream; charset=UTF-8",
  isPolling: false,
  prelude: "\r\n",
  write: (frame) => `data: ${frame}\r\n\r\n`,
};

/** [SockJS 0.3.4 §Html File] `callback` must have passed `isCallback`. */
export function htmlFile(callback: string): ResponseFormat {
  return {
    contentType: "text/html; charset=UTF-8",
    isPolling: false,
    prelude: `${htmlFilePage(callback).padEnd(1_024)}\r\n\r\n`,
    write: (frame) => `<script>\np(${scriptString(frame)});\n</script>\r\n`,
  };
}

/** [SockJS 0.3.4 §JSONP Polling] `callback` must have passed `isCallback`. */
export function jsonp(callback: string): ResponseFormat {
  return {
    contentType: JAVASCRIPT,
    isPolling: true,
    prelude: "",
    // The comment keeps the response from being taken for another kind of file.
    write: (frame) => `/**/${callback}(${scriptString(frame)});\r\n`,
  };
}

/** A name that a page may be called back by; nothing that could be a program. */
export function isCallback(text: string): boolean {
  return /^[\w$.-]{1,128}$/.test(text);
}

/**
 * A string literal for a script within a page: JSON, but nothing in it ends the script, opens a
 * comment, or is a line end to a script and none to JSON.
 */
function scriptString(text: string): string {
  return JSON.stringify(text).replace(/[<>/\u2028\u2029]/g, (character) => {
    return `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`;
  });
}

function htmlFilePage(callback: string): string {
  return `<!doctype html>
<html><head>
  <meta http-equiv="X-UA-Compatible" content="IE=edge" />
  <meta http-equiv="Content-Type" content="text/html; charset=UTF-8" />
</head><body><h2>Don't panic!</h2>
  <script>
    document.domain = document.domain;
    var c = parent.${callback};
    c.start();
    function p(d) {c.message(d);};
    window.onload = function() {c.stop();};
  </script>`;
}
