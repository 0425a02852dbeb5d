/** The page's own script, which its content security policy names by its hash. */
export const BOOTSTRAP = `
    document.domain = document.domain;
    SockJS.bootstrap_iframe();
  `;

/** The page of the iframe transports [SockJS 0.3.4 §IframePage]. `clientUrl` is SockJS's own script. */
export function iframePage(clientUrl: string): string {
  return `<!DOCTYPE html>
<html>
<head>
  <meta http-equiv="X-UA-Compatible" content="IE=edge" />
  <meta http-equiv="Content-Type" content="text/html; charset=UTF-8" />
  <script src="${escapeAttribute(clientUrl)}"></script>
  <script>${BOOTSTRAP}</script>
</head>
<body>
  <h2>Don't panic!</h2>
  <p>This is a SockJS hidden iframe. It's used for cross domain magic.</p>
</body>
</html>`;
}

function escapeAttribute(text: string): string {
  return text.replace(/["&<>]/g, (character) => `&#${character.charCodeAt(0)};`);
}
