// The melodies of two recordings on one axis, under the same play-head as the waveforms.

import { make, svg } from './dom.js';

const HEIGHT = 190;
const TICKS = [50, 75, 100, 150, 200, 300, 400, 600, 800];
const MOST_POINTS = 3000;

function median(values) {
  const sorted = values.filter((value) => value > 0).sort((a, b) => a - b);
  return sorted.length ? sorted[sorted.length >> 1] : 0;
}

/** Lowest and highest pitch to show: all but the outermost hundredths, and a little more. */
function range(curves) {
  const all = curves.flat().filter((value) => value > 0).sort((a, b) => a - b);
  if (!all.length) return [80, 320];
  const [low, high] = [all[Math.floor(all.length * 0.01)], all[Math.floor(all.length * 0.99)]];
  const middle = Math.sqrt(low * high);
  return [Math.min(low / 1.15, middle / 1.4), Math.max(high * 1.15, middle * 1.4)];
}

/**
 * Draw the curves.
 * @param {HTMLElement} host is filled.
 * @param {Transport} transport whose play-head is shown.
 * @param {number} rate of the curves, in Hz.
 * @param {{name: string, kind: string, hertz: number[]}[]} curves pitch, 0 where there is none.
 */
export function pitchChart(host, transport, rate, curves) {
  const medians = curves.map((curve) => `${curve.name.toLowerCase()} ${Math.round(median(curve.hertz))} Hz`);
  const label = `Pitch over time. Median: ${medians.join(', ')}.`;
  const head = svg('line', { class: 'playhead', y1: 0, y2: HEIGHT });
  const [low, high] = range(curves.map((curve) => curve.hertz));
  const y = (hertz) => HEIGHT - 18 - ((HEIGHT - 26) * Math.log(hertz / low)) / Math.log(high / low);
  const x = (seconds, width) => (seconds / transport.duration) * width;
  const moveHead = () => {
    const at = x(transport.currentTime, host.clientWidth).toFixed(1);
    head.setAttribute('x1', at);
    head.setAttribute('x2', at);
  };

  function line({ hertz }, width) {
    const step = Math.max(1, Math.ceil(hertz.length / MOST_POINTS));
    let path = '';
    let pen = false;
    for (let k = 0; k < hertz.length; k += step) {
      const inside = hertz[k] >= low && hertz[k] <= high;
      if (inside) path += `${pen ? 'L' : 'M'}${x(k / rate, width).toFixed(1)} ${y(hertz[k]).toFixed(1)}`;
      // a frame alone is a dot
      if (inside && !pen) path += 'h.1';
      pen = inside;
    }
    return path;
  }

  function draw() {
    const width = host.clientWidth;
    if (!width) return;
    const picture = svg('svg', { width, height: HEIGHT, viewBox: `0 0 ${width} ${HEIGHT}`, role: 'img', 'aria-label': label });
    for (const hertz of TICKS.filter((tick) => tick > low && tick < high)) {
      picture.append(svg('line', { class: 'grid-line', x1: 0, x2: width, y1: y(hertz), y2: y(hertz) }));
      picture.append(svg('text', { x: 4, y: y(hertz) - 4 }, `${hertz} Hz`));
    }
    const step = [0.5, 1, 2, 5, 10, 30, 60, 120].find((s) => x(s, width) > 60) ?? 300;
    for (let at = step; at < transport.duration; at += step) {
      picture.append(svg('text', { x: x(at, width), y: HEIGHT - 3, class: 'middle' }, `${+at.toFixed(1)} s`));
    }
    for (const curve of curves) picture.append(svg('path', { class: `curve ${curve.kind}`, d: line(curve, width) }));
    picture.append(head);
    const legend = make('p', { class: 'legend' });
    curves.forEach((curve, k) => legend.append(make('span', { class: `key ${curve.kind}` }, `${curve.name}: median ${medians[k].split(' ').slice(-2).join(' ')}`)));
    host.replaceChildren(picture, legend);
    moveHead();
  }

  const listening = new AbortController();
  const sizes = new ResizeObserver(draw);
  sizes.observe(host);
  transport.addEventListener('timeupdate', moveHead, { signal: listening.signal });
  host.onpointerdown = (event) => {
    if (event.target.closest('svg')) transport.currentTime = (event.offsetX / host.clientWidth) * transport.duration;
  };
  draw();
  return {
    close() {
      sizes.disconnect();
      listening.abort();
      host.onpointerdown = null;
      host.replaceChildren();
    },
  };
}
