// Long recordings, cut at their pauses into segments of 3 to 12 seconds, in units of 25 ms.

import { quantile } from './numbers.js';

const [UNIT, SHORTEST, LONGEST, MARGIN, WIDTH] = [600, 120, 480, 8, 10];

/** Segments `{first, last}`, which overlap their neighbours. */
export function segments(wave) {
  const units = Math.ceil(wave.length / UNIT);
  const { smooth, paused } = pauses(wave, units);
  const bounds = [0];
  while (units - bounds.at(-1) > LONGEST) {
    const begin = bounds.at(-1) + SHORTEST;
    const end = Math.min(bounds.at(-1) + LONGEST, units - SHORTEST / 2);
    let [first, last] = [begin, end];
    const pause = paused.indexOf(true, begin);
    if (pause >= 0 && pause < end) {
      first = pause;
      const over = paused.indexOf(false, pause);
      last = over < 0 ? end : Math.min(over, end);
    }
    let quietest = first;
    for (let k = first; k < last; k += 1) if (smooth[k] < smooth[quietest]) quietest = k;
    bounds.push(quietest);
  }
  bounds.push(units);
  return bounds.slice(1).map((end, k) => ({ first: Math.max(bounds[k] - MARGIN, 0), last: Math.min(end + MARGIN, units) }));
}

function pauses(wave, units) {
  const level = Float64Array.from({ length: units }, (_, unit) => {
    let sum = 0;
    for (let k = unit * UNIT; k < Math.min((unit + 1) * UNIT, wave.length); k += 1) sum += wave[k] ** 2;
    return 10 * Math.log10(sum / UNIT + 1e-10);
  });
  const loud = quantile(level, 0.95) - 25;
  const around = (k, take) => Array.from({ length: WIDTH }, (_, j) => take(k + j - WIDTH / 2));
  const smooth = Float64Array.from(level, (_, k) => around(k, (at) => level[Math.min(Math.max(at, 0), units - 1)]).reduce((a, b) => a + b) / WIDTH);
  const paused = Array.from(level, (_, k) => around(k, (at) => at >= 0 && at < units && level[at] <= loud).every(Boolean));
  return { smooth, paused };
}

/** Converted segments as one waveform, faded from one to the next. */
export function joined(parts, waves, length) {
  const out = new Float32Array(parts.at(-1).last * UNIT);
  parts.forEach(({ first }, number) => {
    const wave = waves[number];
    const overlap = number ? (parts[number - 1].last - first) * UNIT : 0;
    for (let k = 0; k < wave.length; k += 1) {
      const rise = k < overlap ? (k + 0.5) / overlap : 1;
      const at = first * UNIT + k;
      out[at] = out[at] * (1 - rise) + wave[k] * rise;
    }
  });
  return out.subarray(0, length);
}
