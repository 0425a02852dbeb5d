import { createRoot } from "react-dom/client";
import { App } from "./app.tsx";
import { onWorkerMessage, openFromNotice } from "./from-worker.ts";
import { recallIdentity } from "./identity.ts";

const recalled = recallIdentity(new URLSearchParams(location.search), sessionStorage);
// A token in the address would stay in the browser's history.
if (location.search !== "") history.replaceState(null, "", location.pathname + location.hash);

onWorkerMessage(openFromNotice);

const container = document.getElementById("parley");
if (container === null) throw new Error("The page has no element #parley");
createRoot(container).render(<App recalled={recalled} />);
