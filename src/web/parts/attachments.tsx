import type { FileLinks } from "../file-links.ts";
import { isPicture, roomFor, sizeText } from "../files.ts";
import type { Attachment } from "../wire-files.ts";
import { DownloadIcon, FileIcon } from "./icons.tsx";
import { Thumbnail } from "./thumbnail.tsx";

export interface AttachmentsProps {
  readonly attachments: readonly Attachment[];
  readonly files: FileLinks;
  readonly onPicture: (id: string) => void;
  readonly onDownload: (attachment: Attachment) => void;
}

/** The files of a message: pictures by their thumbnails, others by their names. */
export function Attachments({ attachments, files, onPicture, onDownload }: AttachmentsProps) {
  const pictures = attachments.filter(isPicture);
  const others = attachments.filter((attachment) => !isPicture(attachment));
  const isOne = pictures.length === 1;
  return (
    <>
      {pictures.length > 0 && (
        <div className={isOne ? "pictures" : "pictures many"}>
          {pictures.map((picture) => (
            <button
              key={picture.id}
              type="button"
              className="picture"
              style={isOne ? styleOf(picture) : undefined}
              aria-label={`Picture ${picture.name}`}
              aria-haspopup="dialog"
              onClick={() => onPicture(picture.id)}
            >
              <Thumbnail files={files} id={picture.id} />
            </button>
          ))}
        </div>
      )}
      {others.map((attachment) => (
        <button
          key={attachment.id}
          type="button"
          className="file"
          aria-label={`Download ${attachment.name}, ${sizeText(attachment.size)}`}
          onClick={() => onDownload(attachment)}
        >
          <FileIcon />
          <span className="file-text">
            <bdi className="file-name">{attachment.name}</bdi>
            <small>{sizeText(attachment.size)}</small>
          </span>
          <DownloadIcon />
        </button>
      ))}
    </>
  );
}

/** Before it is there, it takes the room that it will take. */
function styleOf(picture: Attachment): { width: number; aspectRatio: number } {
  const { width, ratio } = roomFor(picture);
  return { width, aspectRatio: ratio };
}
