// Fourier transforms of any length with small factors, two real frames at a time.

class Fourier {
  constructor(size) {
    this.size = size;
    this.factors = [];
    let rest = size;
    for (const p of [4, 2, 3, 5]) for (; rest % p === 0; rest /= p) this.factors.push(p);
    const turn = (k) => (-2 * Math.PI * k) / size;
    this.cos = Float64Array.from({ length: size }, (_, k) => Math.cos(turn(k)));
    this.sin = Float64Array.from({ length: size }, (_, k) => Math.sin(turn(k)));
    [this.re, this.im, this.outRe, this.outIm] = Array.from({ length: 4 }, () => new Float64Array(size));
    [this.tRe, this.tIm] = [new Float64Array(5), new Float64Array(5)];
  }

  /** `re` and `im` to `outRe` and `outIm`. */
  run() { this.step(this.size, 1, 0, 0, 0); }

  step(n, stride, from, to, depth) {
    if (n === 1) {
      this.outRe[to] = this.re[from];
      this.outIm[to] = this.im[from];
      return;
    }
    const { size, cos, sin, outRe, outIm, tRe, tIm } = this;
    const p = this.factors[depth];
    const m = n / p;
    for (let q = 0; q < p; q += 1) this.step(m, stride * p, from + q * stride, to + q * m, depth + 1);
    for (let j = 0; j < m; j += 1) {
      for (let q = 0; q < p; q += 1) {
        const [at, w] = [to + q * m + j, (q * j * stride) % size];
        tRe[q] = outRe[at] * cos[w] - outIm[at] * sin[w];
        tIm[q] = outRe[at] * sin[w] + outIm[at] * cos[w];
      }
      for (let r = 0; r < p; r += 1) {
        let [re, im] = [0, 0];
        for (let q = 0; q < p; q += 1) {
          const w = (q * r * m * stride) % size;
          re += tRe[q] * cos[w] - tIm[q] * sin[w];
          im += tRe[q] * sin[w] + tIm[q] * cos[w];
        }
        outRe[to + r * m + j] = re;
        outIm[to + r * m + j] = im;
      }
    }
  }
}

const plans = new Map();
function planOf(size) {
  if (!plans.has(size)) plans.set(size, new Fourier(size));
  return plans.get(size);
}

/** A periodic Hann window. */
export const hann = (size) => Float32Array.from({ length: size }, (_, k) => 0.5 - 0.5 * Math.cos((2 * Math.PI * k) / size));

/**
 * Spectra of `frames` frames of a waveform.
 * @param {(frame: number, bin: number, re: number, im: number) => void} take is called for each bin of each frame.
 */
export function stft(wave, window, hop, frames, take) {
  const size = window.length;
  const plan = planOf(size);
  for (let frame = 0; frame < frames; frame += 2) {
    const two = frame + 1 < frames;
    for (let k = 0; k < size; k += 1) {
      plan.re[k] = wave[frame * hop + k] * window[k];
      plan.im[k] = two ? wave[(frame + 1) * hop + k] * window[k] : 0;
    }
    plan.run();
    for (let k = 0; k <= size / 2; k += 1) {
      const other = (size - k) % size;
      const [ar, ai, br, bi] = [plan.outRe[k], plan.outIm[k], plan.outRe[other], plan.outIm[other]];
      take(frame, k, (ar + br) / 2, (ai - bi) / 2);
      if (two) take(frame + 1, k, (ai + bi) / 2, (br - ar) / 2);
    }
  }
}

/** Real frames of `size` samples of half spectra `[frames, size / 2 + 1]`; `take(frame, samples)` gets each. */
export function inverse(real, imag, size, frames, take) {
  const plan = planOf(size);
  const bins = size / 2 + 1;
  const samples = new Float32Array(size);
  for (let frame = 0; frame < frames; frame += 1) {
    for (let k = 0; k < bins; k += 1) {
      const edge = k === 0 || k === bins - 1;
      // an inverse transform is a transform of the conjugate
      const [re, im] = [real[frame * bins + k], edge ? 0 : imag[frame * bins + k]];
      plan.re[k] = re;
      plan.im[k] = -im;
      if (!edge) {
        plan.re[size - k] = re;
        plan.im[size - k] = im;
      }
    }
    plan.run();
    for (let k = 0; k < size; k += 1) samples[k] = plan.outRe[k] / size;
    take(frame, samples);
  }
}
