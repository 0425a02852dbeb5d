/** Beside what TypeScript knows of service workers [Notifications API §Living Standard]. */
interface NotificationOptions {
  /** What takes the place of another one is told anew. */
  renotify?: boolean;
  /** Epoch milliseconds. */
  timestamp?: number;
}

/** The bundler puts a picture beside the script, and its path in here. */
declare module "*.png" {
  const path: string;
  export default path;
}
