/** The built client as text, for the pages of SockJS's iframe transports. */
declare module "sockjs-client/dist/sockjs.min.js" {
  const script: string;
  export default script;
}
