import { CircleAlert, CircleCheck, Info, TriangleAlert } from 'lucide-react';
import type { ReactNode } from 'react';
import { cx } from './cx';

const KINDS = {
  info: { box: 'bg-accent-soft', icon: <Info className="text-accent-text" /> },
  success: { box: 'bg-success-soft', icon: <CircleCheck className="text-success" /> },
  warning: { box: 'bg-warning-soft', icon: <TriangleAlert className="text-warning" /> },
  danger: { box: 'bg-danger-soft', icon: <CircleAlert className="text-danger" /> },
} as const;

/** Something to know, where it matters. Errors are spoken. */
export function Banner({
  kind,
  title,
  children,
  action,
}: {
  kind: keyof typeof KINDS;
  title: ReactNode;
  children?: ReactNode;
  action?: ReactNode;
}) {
  return (
    <div
      role={kind === 'danger' ? 'alert' : 'status'}
      className={cx(
        'flex items-start gap-3 rounded-md border border-line px-4 py-3 text-sm [&>svg]:mt-0.5 [&>svg]:size-4.5 [&>svg]:shrink-0',
        KINDS[kind].box,
      )}
    >
      {KINDS[kind].icon}
      <div className="min-w-0 flex-1">
        <p className="font-medium">{title}</p>
        {children && <div className="mt-0.5 text-soft">{children}</div>}
        {action && <div className="mt-2.5 flex flex-wrap gap-2">{action}</div>}
      </div>
    </div>
  );
}

/** A list or page that has nothing to show, and why. */
export function Empty({
  icon,
  title,
  children,
}: {
  icon?: ReactNode;
  title: string;
  children?: ReactNode;
}) {
  return (
    <div className="flex flex-col items-center gap-2 px-6 py-10 text-center text-muted [&>svg]:size-7">
      {icon}
      <p className="font-medium text-soft">{title}</p>
      {children && <div className="max-w-sm text-sm">{children}</div>}
    </div>
  );
}
