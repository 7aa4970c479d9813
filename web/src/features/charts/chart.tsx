'use client';

import { type KeyboardEvent, type PointerEvent, useId, useState } from 'react';
import { useTranslations } from 'use-intl';
import { cx } from '@/ui/cx';
import { gapsOf, HEIGHT, pathOf, type Series, STEP, TONES, topOf } from './shape';

interface ChartProps {
  title: string;
  /** What is added up or compared, where the title does not say it. */
  note?: string;
  kind: 'bars' | 'lines';
  series: readonly Series[];
  /** The moments' names, as many as values. */
  times: readonly string[];
  /** A number with its unit, in the reader's language. */
  format: (value: number) => string;
}

/** The place after a key, or `null` for a key that moves nothing. */
function moved(key: string, at: number, last: number): number | null {
  switch (key) {
    case 'ArrowLeft':
    case 'ArrowDown':
      return Math.max(at - 1, 0);
    case 'ArrowRight':
    case 'ArrowUp':
      return Math.min(at + 1, last);
    case 'PageDown':
      return Math.max(at - 10, 0);
    case 'PageUp':
      return Math.min(at + 10, last);
    case 'Home':
      return 0;
    case 'End':
      return last;
    default:
      return null;
  }
}

/**
 * Numbers over time. The pointer or the arrow keys read a moment; the same
 * numbers stand in a table below.
 */
export function Chart({ title, note, kind, series, times, format }: ChartProps) {
  const id = useId();
  const [chosen, setChosen] = useState<number | null>(null);
  const last = times.length - 1;
  const at = chosen === null ? null : Math.min(chosen, last);
  const said = (value: number | null | undefined) =>
    value === null || value === undefined ? '–' : format(value);
  const read = (place: number) =>
    `${times[place] ?? ''}: ${series.map(({ name, values }) => `${name} ${said(values[place])}`).join(', ')}`;

  function onKeyDown(event: KeyboardEvent) {
    const next = moved(event.key, at ?? last + 1, last);
    if (next === null) return;
    event.preventDefault();
    setChosen(next);
  }

  function onPointerMove(event: PointerEvent<HTMLDivElement>) {
    const box = event.currentTarget.getBoundingClientRect();
    const place = Math.floor(((event.clientX - box.left) / box.width) * times.length);
    setChosen(Math.min(Math.max(place, 0), last));
  }

  return (
    <figure className="glass flex min-w-0 flex-col rounded-lg p-4 sm:p-5">
      <figcaption>
        <h3 id={id} className="font-semibold text-sm">
          {title}
        </h3>
        {note && <p className="text-muted text-xs">{note}</p>}
      </figcaption>
      <Legend series={series} at={at} said={said} />
      <p className="mt-2 flex justify-between gap-3 text-muted text-xs tabular-nums">
        <span>{at === null ? ' ' : times[at]}</span>
        <span>{format(topOf(series, kind))}</span>
      </p>
      <div
        role="slider"
        tabIndex={0}
        aria-labelledby={id}
        aria-valuemin={0}
        aria-valuemax={Math.max(last, 0)}
        aria-valuenow={at ?? Math.max(last, 0)}
        aria-valuetext={read(at ?? Math.max(last, 0))}
        onKeyDown={onKeyDown}
        onPointerMove={onPointerMove}
        onPointerLeave={() => setChosen(null)}
        onBlur={() => setChosen(null)}
        className="mt-1 touch-pan-y rounded-xs"
      >
        <Drawing kind={kind} series={series} places={times.length} at={at} />
      </div>
      <p className="mt-1 flex justify-between gap-3 text-muted text-xs">
        <span>{times[0]}</span>
        <span>{times[last]}</span>
      </p>
      <Table title={title} series={series} times={times} said={said} />
    </figure>
  );
}

function Legend({
  series,
  at,
  said,
}: {
  series: readonly Series[];
  at: number | null;
  said: (value: number | null | undefined) => string;
}) {
  return (
    <ul className="mt-2 flex flex-wrap gap-x-4 gap-y-1 text-xs">
      {series.map(({ name, tone, values }) => (
        <li key={name} className="flex items-center gap-1.5">
          <span aria-hidden="true" className={cx('size-2.5 rounded-full', TONES[tone].swatch)} />
          <span className="text-soft">{name}</span>
          {at !== null && <span className="font-medium tabular-nums">{said(values[at])}</span>}
        </li>
      ))}
    </ul>
  );
}

function Drawing({
  kind,
  series,
  places,
  at,
}: {
  kind: 'bars' | 'lines';
  series: readonly Series[];
  places: number;
  at: number | null;
}) {
  const top = topOf(series, kind);
  const moments = Array.from({ length: places }, (_, place) => ({ place }));
  return (
    <svg
      aria-hidden="true"
      viewBox={`0 0 ${Math.max(places, 1) * STEP} ${HEIGHT}`}
      preserveAspectRatio="none"
      className="h-28 w-full border-line-strong border-b"
    >
      {gapsOf(series).map(({ from, count }) => (
        <rect
          key={from}
          x={from * STEP}
          y={0}
          width={count * STEP}
          height={HEIGHT}
          className="fill-hover"
        />
      ))}
      {at !== null && (
        <rect x={at * STEP} y={0} width={STEP} height={HEIGHT} className="fill-active" />
      )}
      {kind === 'lines'
        ? series.map(({ name, tone, values }) => (
            <path
              key={name}
              d={pathOf(values, top)}
              vectorEffect="non-scaling-stroke"
              strokeWidth={2}
              strokeLinejoin="round"
              className={cx('fill-none', TONES[tone].stroke)}
            />
          ))
        : moments.map(({ place }) => <Bar key={place} series={series} place={place} top={top} />)}
    </svg>
  );
}

function Bar({ series, place, top }: { series: readonly Series[]; place: number; top: number }) {
  let y = HEIGHT;
  return series.map(({ name, tone, values }) => {
    const value = values[place] ?? 0;
    if (value === 0) return null;
    // What is there at all can be seen.
    const height = Math.max((value / top) * HEIGHT, 2);
    y -= height;
    return (
      <rect
        key={name}
        x={place * STEP + 1}
        y={Math.max(y, 0)}
        width={STEP - 2}
        height={height}
        className={TONES[tone].fill}
      />
    );
  });
}

function Table({
  title,
  series,
  times,
  said,
}: Pick<ChartProps, 'title' | 'series' | 'times'> & {
  said: (value: number | null | undefined) => string;
}) {
  const t = useTranslations('charts');
  const [open, setOpen] = useState(false);
  return (
    <details className="mt-3 text-sm" onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary className="w-fit rounded-xs text-accent-text text-xs">{t('asTable')}</summary>
      {open && (
        <section
          aria-label={title}
          tabIndex={0}
          className="scroll-quiet mt-2 max-h-64 overflow-auto rounded-sm border border-line"
        >
          <table className="w-full text-xs">
            <thead className="sticky top-0 bg-card text-muted">
              <tr>
                <th scope="col" className="px-3 py-2 text-start font-medium">
                  {t('time')}
                </th>
                {series.map(({ name }) => (
                  <th key={name} scope="col" className="px-3 py-2 text-end font-medium">
                    {name}
                  </th>
                ))}
              </tr>
            </thead>
            <tbody className="divide-y divide-line">
              {times
                .map((time, place) => ({ time, place }))
                .reverse()
                .map(({ time, place }) => (
                  <tr key={place}>
                    <th
                      scope="row"
                      className="whitespace-nowrap px-3 py-1.5 text-start font-normal"
                    >
                      {time}
                    </th>
                    {series.map(({ name, values }) => (
                      <td key={name} className="px-3 py-1.5 text-end tabular-nums">
                        {said(values[place])}
                      </td>
                    ))}
                  </tr>
                ))}
            </tbody>
          </table>
        </section>
      )}
    </details>
  );
}
