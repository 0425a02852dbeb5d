import { useRef } from "react";
import type { FileLinks } from "../file-links.ts";
import { isPicture, sizeText } from "../files.ts";
import type { Upload } from "../uploads.ts";
import { ClipIcon, CloseIcon, FileIcon } from "./icons.tsx";
import { Thumbnail } from "./thumbnail.tsx";

/** Files that go with the message that is being written. */
export interface Attaching {
  readonly uploads: readonly Upload[];
  readonly files: FileLinks;
  readonly onAdd: (files: readonly File[]) => void;
  readonly onRemove: (key: string) => void;
  readonly onRetry: (key: string) => void;
}

export function AttachButton({ onFiles }: { readonly onFiles: (files: readonly File[]) => void }) {
  const chooser = useRef<HTMLInputElement>(null);
  return (
    <>
      <button
        type="button"
        className="icon-button"
        aria-label="Attach files"
        title="Attach files"
        onClick={() => chooser.current?.click()}
      >
        <ClipIcon />
      </button>
      <input
        ref={chooser}
        type="file"
        multiple
        hidden
        onChange={({ target }) => {
          onFiles([...(target.files ?? [])]);
          target.value = ""; // The same file may be chosen again.
        }}
      />
    </>
  );
}

export function UploadList({ uploads, files, onRemove, onRetry }: Attaching) {
  if (uploads.length === 0) return null;
  return (
    <ul className="uploads" aria-label="Files to send">
      {uploads.map(({ key, name, size, percent, attachment, failure, isFinal }) => (
        <li key={key} className={failure === null ? "upload" : "upload failed"}>
          <span className="upload-picture">
            {attachment !== null && isPicture(attachment) ? (
              <Thumbnail files={files} id={attachment.id} />
            ) : (
              <FileIcon />
            )}
          </span>
          <span className="file-text">
            <bdi className="file-name">{name}</bdi>
            {failure !== null && <small role="alert">{failure}</small>}
            {failure === null && attachment !== null && <small>{sizeText(size)}</small>}
            {failure === null && attachment === null && (
              <progress value={percent} max={100} aria-label={`Sending ${name}`} />
            )}
          </span>
          {failure !== null && !isFinal && (
            <button type="button" className="link-button" onClick={() => onRetry(key)}>
              Try again
              <span className="visually-hidden"> to send {name}</span>
            </button>
          )}
          <button
            type="button"
            className="icon-button"
            aria-label={
              attachment === null && failure === null ? `Cancel ${name}` : `Remove ${name}`
            }
            onClick={() => onRemove(key)}
          >
            <CloseIcon />
          </button>
        </li>
      ))}
    </ul>
  );
}
