// A look-ahead limiter: no true peak passes the ceiling, and quiet sound stays as it is (audio/limiter.py has its course).

const CEILING = 0.885;
const [POINTS, REACH, SHAPE] = [8, 16, 6];
const [AHEAD_SECONDS, RELEASE_DB] = [0.005, 60];

/** Sound whose largest magnitude, between its samples too, is about -1 dBFS. */
export function limited(wave, rate) {
  const ahead = Math.max(Math.round(AHEAD_SECONDS * rate), 1);
  const wanted = wantedGains(wave, ahead);
  if (!wanted) return wave;
  const window = Float64Array.from({ length: ahead + 1 }, (_, k) => 1 - Math.cos((2 * Math.PI * (k + 1)) / (ahead + 2)));
  const sum = window.reduce((total, value) => total + value, 0);
  const released = new Float64Array(wanted.length);
  let last = 0;
  for (let at = 0; at < wanted.length; at += 1) {
    last = Math.min(last + RELEASE_DB / rate, 0);
    for (let k = at; k <= Math.min(at + ahead, wanted.length - 1); k += 1) last = Math.min(last, wanted[k]);
    released[at] = last;
  }
  return wave.map((value, at) => {
    let gain = 0;
    for (let k = 0; k <= ahead; k += 1) gain += window[k] * released[at + ahead - k];
    return gain ? value * 10 ** (gain / sum / 20) : value;
  });
}

/** Gains in dB for the samples, with `ahead` samples of silence before them; null where none is needed. */
function wantedGains(wave, ahead) {
  const taps = interpolation();
  const wanted = new Float64Array(wave.length + ahead);
  const most = Math.max(...taps[0].map((_, p) => taps.reduce((sum, row) => sum + Math.abs(row[p]), 0)));
  let needed = false;
  const loud = wave.reduce((peak, value) => Math.max(peak, Math.abs(value)), 0) * most;
  if (loud < CEILING) return null;
  let before = 0;
  for (let at = -1; at < wave.length; at += 1) {
    let between = 0;
    for (let p = 0; p < POINTS - 1; p += 1) {
      let value = 0;
      for (let k = 0; k < 2 * REACH; k += 1) value += (wave[at - REACH + 1 + k] ?? 0) * taps[k][p];
      between = Math.max(between, Math.abs(value));
    }
    const peak = Math.max(Math.abs(wave[at] ?? 0), before, between);
    before = between;
    if (at < 0 || peak <= CEILING) continue;
    wanted[at + ahead] = 20 * Math.log10(CEILING / peak);
    needed = true;
  }
  return needed ? wanted : null;
}

/** Filters that give the points between the 16th and the 17th of 32 samples: a windowed sinc. */
function interpolation() {
  const taps = Array.from({ length: 2 * REACH }, (_, k) => Array.from({ length: POINTS - 1 }, (__, p) => {
    const distance = k - (REACH - 1) - (p + 1) / POINTS;
    const window = bessel(SHAPE * Math.sqrt(Math.max(1 - (distance / REACH) ** 2, 0))) / bessel(SHAPE);
    return (window * Math.sin(Math.PI * distance)) / (Math.PI * distance);
  }));
  const sums = taps[0].map((_, p) => taps.reduce((sum, row) => sum + row[p], 0));
  return taps.map((row) => row.map((value, p) => value / sums[p]));
}

/** Modified Bessel function of the first kind and order 0. */
function bessel(x) {
  let [sum, term] = [1, 1];
  for (let k = 1; term > 1e-12 * sum; k += 1) {
    term *= (x / (2 * k)) ** 2;
    sum += term;
  }
  return sum;
}
