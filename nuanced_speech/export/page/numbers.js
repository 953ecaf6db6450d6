// Small functions on arrays, as NumPy has them.

export const filled = (length, value) => new Float64Array(length).fill(value);

/** The quantile of numbers, interpolated linearly. */
export function quantile(values, share) {
  const sorted = Float64Array.from(values).sort();
  const place = share * (sorted.length - 1);
  const left = Math.floor(place);
  const right = Math.min(left + 1, sorted.length - 1);
  return sorted[left] + (sorted[right] - sorted[left]) * (place - left);
}

/** A waveform with zeros, or its mirror image, at both ends. */
export function padded(wave, before, after, mirrored = false) {
  const out = new Float32Array(before + wave.length + after);
  out.set(wave, before);
  if (mirrored) {
    for (let k = 1; k <= before; k += 1) out[before - k] = wave[k];
    for (let k = 1; k <= after; k += 1) out[before + wave.length - 1 + k] = wave[wave.length - 1 - k];
  }
  return out;
}

/** Values averaged under a bell of so many frames, an odd number; the ends are held. */
export function smoothed(values, width) {
  const bell = Float64Array.from({ length: width }, (_, k) => 0.5 - 0.5 * Math.cos((2 * Math.PI * (k + 1)) / (width + 1)));
  const total = bell.reduce((sum, value) => sum + value, 0);
  const half = (width - 1) / 2;
  return Float64Array.from(values, (_, k) => {
    let sum = 0;
    for (let j = 0; j < width; j += 1) sum += bell[j] * values[Math.min(Math.max(k + j - half, 0), values.length - 1)];
    return sum / total;
  });
}

/** Level in dBFS of the speech in a waveform. */
export function activeLevel(wave, rate) {
  const size = Math.min(wave.length, Math.max(1, Math.round(0.02 * rate)));
  const count = size ? Math.floor(wave.length / size) : 0;
  if (!count) return -100;
  const power = Float64Array.from({ length: count }, (_, k) => {
    let sum = 0;
    for (let j = 0; j < size; j += 1) sum += wave[k * size + j] ** 2;
    return sum / size;
  });
  const ordered = power.slice().sort();
  const half = ordered.reduce((sum, value) => sum + value, 0) / 2;
  let [sum, at] = [0, 0];
  for (; at < count - 1; at += 1) {
    sum += ordered[at];
    if (sum >= half) break;
  }
  const active = power.filter((value) => value >= ordered[at] * 1e-3);
  return Math.max(10 * Math.log10(Math.max(active.reduce((a, b) => a + b, 0) / active.length, 1e-20)), -100);
}

const gcd = (a, b) => (b ? gcd(b, a % b) : a);
function bessel(x) {
  let [sum, term] = [1, 1];
  for (let k = 1; term > sum * 1e-14; k += 1) {
    term *= (x / (2 * k)) ** 2;
    sum += term;
  }
  return sum;
}

/** A waveform from one rate in Hz to another: a Kaiser-windowed sinc. */
export function resampled(wave, from, to) {
  if (from === to) return wave;
  const common = gcd(from, to);
  const [up, down] = [to / common, from / common];
  const scale = 0.95 * Math.min(1, up / down);
  const half = Math.ceil(32 / scale);
  const out = new Float32Array(Math.round((wave.length * to) / from));
  const held = padded(wave, half - 1, half + down);
  for (let phase = 0; phase < up; phase += 1) {
    const part = ((phase * down) % up) / up;
    const taps = Float64Array.from({ length: 2 * half }, (_, k) => {
      const distance = k + 1 - half - part;
      const x = Math.PI * scale * distance;
      return (x ? Math.sin(x) / x : 1) * bessel(9 * Math.sqrt(Math.max(0, 1 - (distance / half) ** 2)));
    });
    const total = taps.reduce((sum, value) => sum + value, 0);
    const begin = Math.floor((phase * down) / up);
    for (let k = phase, place = begin; k < out.length; k += up, place += down) {
      let sum = 0;
      for (let j = 0; j < 2 * half; j += 1) sum += taps[j] * held[place + j];
      out[k] = sum / total;
    }
  }
  return out;
}
