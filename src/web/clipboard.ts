/** false: the browser does not allow it. Pages over plain HTTP have no clipboard but by selecting. */
export async function copyText(text: string): Promise<boolean> {
  if (navigator.clipboard !== undefined) {
    try {
      await navigator.clipboard.writeText(text);
      return true;
    } catch {
      return false; // NotAllowedError, the only one that it rejects with.
    }
  }
  const field = document.createElement("textarea");
  field.value = text;
  field.className = "visually-hidden";
  // Behind a modal dialog nothing can be selected.
  const host = document.querySelector("dialog[open]") ?? document.body;
  host.append(field);
  field.select();
  const isDone = document.execCommand("copy");
  field.remove();
  return isDone;
}
