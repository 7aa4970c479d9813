import type { ReactNode } from 'react';

/** One subject of the settings. */
export function Section({
  id,
  title,
  lead,
  children,
}: {
  id: string;
  title: string;
  lead?: string;
  children: ReactNode;
}) {
  return (
    <section aria-labelledby={id} className="glass rounded-lg p-5 sm:p-6">
      <h2 id={id} className="scroll-mt-4 font-semibold text-lg">
        {title}
      </h2>
      {lead && <p className="mt-0.5 text-muted text-sm">{lead}</p>}
      <div className="mt-5 flex flex-col gap-5">{children}</div>
    </section>
  );
}
