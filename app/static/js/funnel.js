// Draws each chart from the table below it. Without this script the tables show the same numbers.
// A column with `data-series` is drawn in the colour with this number.

const { Chart } = globalThis;
const style = () => getComputedStyle(document.documentElement);
const PLAIN = { beginAtZero: true };
const SHARE = { ...PLAIN, max: 100, ticks: { callback: (value) => `${value} %` } };
const KINDS = {
  stacked: { type: 'bar', stacked: true, y: PLAIN },
  bars: { type: 'bar', y: PLAIN },
  curve: { type: 'line', fill: true, y: SHARE },
  lines: { type: 'line', y: SHARE },
};
const MARKS = ['circle', 'rect', 'triangle', 'rectRot'];

// The cells of a column as numbers; null for an empty cell.
function column(table, index) {
  return [...table.tBodies[0].rows].map((row) => {
    const { value } = row.cells[index].dataset;
    return value ? Number(value) : null;
  });
}

function series(table, kind) {
  return [...table.tHead.rows[0].cells].flatMap((head, index) => {
    const { series: number } = head.dataset;
    if (!number) return [];
    const colour = style().getPropertyValue(`--lk-series-${number}`).trim();
    return [{
      label: head.textContent,
      data: column(table, index),
      backgroundColor: kind.fill ? `color-mix(in srgb, ${colour} 18%, transparent)` : colour,
      borderColor: colour,
      borderWidth: kind.type === 'line' ? 2 : 0,
      borderRadius: kind.stacked ? 0 : 4,
      pointBackgroundColor: colour,
      pointRadius: table.tBodies[0].rows.length > 60 ? 0 : 3,
      pointStyle: MARKS[number - 1],
      pointHitRadius: 12,
      maxBarThickness: 48,
      fill: Boolean(kind.fill),
      spanGaps: true,
      tension: 0.2,
    }];
  });
}

function options(kind, drawn) {
  const [text, muted, line, surface] = ['--bs-body-color', '--bs-secondary-color', '--bs-border-color', '--lk-surface']
    .map((name) => style().getPropertyValue(name).trim());
  const font = { family: getComputedStyle(document.body).fontFamily, size: 13 };
  const share = kind.y === SHARE;
  return {
    animation: false,
    maintainAspectRatio: false,
    interaction: { mode: 'index', intersect: false },
    scales: {
      x: { stacked: kind.stacked, grid: { display: false }, border: { color: line }, ticks: { color: muted, font, maxRotation: 45, autoSkipPadding: 12 } },
      y: { ...kind.y, stacked: kind.stacked, grid: { color: line }, border: { display: false }, ticks: { ...kind.y.ticks, color: muted, font, precision: 0, maxTicksLimit: 6 } },
    },
    plugins: {
      legend: { display: drawn > 1, position: 'bottom', labels: { color: text, font, usePointStyle: true, boxHeight: 8, padding: 16 } },
      tooltip: {
        backgroundColor: text,
        titleColor: surface,
        bodyColor: surface,
        titleFont: font,
        bodyFont: font,
        usePointStyle: true,
        callbacks: share ? { label: ({ dataset, parsed }) => ` ${dataset.label}: ${parsed.y.toFixed(1)} %` } : {},
      },
    },
  };
}

function draw(box) {
  const table = box.closest('section').querySelector('table');
  const kind = KINDS[box.dataset.chart];
  const canvas = box.querySelector('canvas');
  box.hidden = false;
  Chart.getChart(canvas)?.destroy();
  const datasets = series(table, kind);
  const labels = [...table.tBodies[0].rows].map((row) => row.cells[0].textContent);
  new Chart(canvas, { type: kind.type, data: { labels, datasets }, options: options(kind, datasets.length) });
}

const drawAll = () => document.querySelectorAll('[data-chart]').forEach(draw);

// A canvas is not repainted by the browser, so wait for the font, and draw again for another colour scheme.
if (Chart) {
  document.fonts.ready.then(drawAll);
  matchMedia('(prefers-color-scheme: dark)').addEventListener('change', drawAll);
}
