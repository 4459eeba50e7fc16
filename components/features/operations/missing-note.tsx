/** Says which part of a list of operations is missing, and why: the server's own sentence, once for all pages that were read. */
import { PartialNote } from '../../feedback/states';

export function MissingNote({ pages }: { readonly pages: readonly { readonly notice: string | null }[] }) {
  const notices = [...new Set(pages.map((page) => page.notice).filter((notice) => notice !== null))];
  if (notices.length === 0) return null;
  return (
    <div className="p-3 pb-1">
      {notices.map((notice) => (
        <PartialNote key={notice}>{notice}.</PartialNote>
      ))}
    </div>
  );
}
