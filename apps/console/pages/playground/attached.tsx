import { ImagePlus, X } from "lucide-react";
import { type ChangeEvent, useId } from "react";
import { buttonClass } from "../../ui/button.tsx";
import { toast, toastProblem } from "../../ui/toast.tsx";
import type { Attachment } from "./set-up.ts";
import { usePlaygroundTexts } from "./texts.ts";

const maxAttachments = 4;
const maxImageBytes = 4_000_000;
const imageTypes = ["image/png", "image/jpeg", "image/webp", "image/gif"];

/** These and more, each once, as many as there is room for; says when some were left out. */
export async function withImages(
  images: readonly Attachment[],
  files: readonly File[],
  leftOut: string,
): Promise<readonly Attachment[]> {
  const fitting = files
    .filter(({ type, size }) => imageTypes.includes(type) && size <= maxImageBytes)
    .slice(0, maxAttachments - images.length);
  if (fitting.length < files.length) toast(leftOut, "bad");
  try {
    const read = await Promise.all(fitting.map(async (file) => ({ name: file.name, url: await toDataUrl(file) })));
    return [...new Map([...images, ...read].map((image) => [image.url, image])).values()];
  } catch (err) {
    toastProblem(err);
    return images;
  }
}

/** The images that go with the message, to models that look at images. They are in no link. */
export function Attached({
  images,
  onChange,
}: {
  readonly images: readonly Attachment[];
  readonly onChange: (images: readonly Attachment[]) => void;
}) {
  const t = usePlaygroundTexts();
  const id = useId();
  const add = async ({ target }: ChangeEvent<HTMLInputElement>) => {
    const files = [...(target.files ?? [])];
    target.value = "";
    onChange(await withImages(images, files, t("imagesLeftOut")));
  };
  return (
    <div className="space-y-2">
      {images.length > 0 && (
        <ul className="flex flex-wrap gap-2">
          {images.map(({ name, url }) => (
            <li key={url} className="relative">
              <img src={url} alt={name} className="size-16 rounded-md border border-line object-cover" />
              <button
                type="button"
                aria-label={t("removeImage", { name })}
                onClick={() => onChange(images.filter((image) => image.url !== url))}
                className="absolute -top-1.5 -right-1.5 grid size-6 place-items-center rounded-full border border-line bg-surface text-ink-soft hover:text-ink"
              >
                <X aria-hidden className="size-3.5" />
              </button>
            </li>
          ))}
        </ul>
      )}
      {images.length < maxAttachments && (
        <label
          htmlFor={id}
          className={`${buttonClass("secondary", "small")} cursor-pointer focus-within:outline-2 focus-within:outline-offset-2 focus-within:outline-accent`}
        >
          <ImagePlus aria-hidden className="size-3.5" />
          {t("attach")}
          <input id={id} type="file" multiple accept={imageTypes.join(",")} onChange={add} className="sr-only" />
        </label>
      )}
    </div>
  );
}

function toDataUrl(file: File): Promise<string> {
  return new Promise((resolve, reject) => {
    const reader = new FileReader();
    reader.onload = () => resolve(String(reader.result));
    reader.onerror = () => reject(reader.error);
    reader.readAsDataURL(file);
  });
}
