// The melody: spectra for the pitch network, and the search for one path through its scores.

import { hann, stft } from './fourier.js';
import { activeLevel, padded, quantile } from './numbers.js';

const [RATE, HOP, PITCHES, CEILING] = [16_000, 256, 95, 1050];
const HERTZ = Float64Array.from({ length: PITCHES }, (_, k) => 46.875 * (2093.75 / 46.875) ** (k / (PITCHES - 1)));
const COUNT = HERTZ.findIndex((hertz) => hertz >= CEILING);

/** Magnitude spectra of three lengths, each `[bins, frames]`, without the noise of the pauses, and the frames' levels. */
export function pitchSpectra(wave) {
  const gain = 10 ** ((-20 - activeLevel(wave, RATE)) / 20);
  const levelled = wave.map((value) => value * gain);
  const frames = Math.floor(wave.length / HOP) + 1;
  const every = [1024, 2048, 512].map((size) => {
    const end = (frames - 1) * HOP + size / 2;
    const sound = padded(levelled, size / 2, Math.max(end - wave.length, 0));
    const out = new Float32Array((size / 2 + 1) * frames);
    stft(sound, hann(size), HOP, frames, (frame, bin, re, im) => { out[bin * frames + frame] = Math.hypot(re, im); });
    return out;
  });
  const power = (low, high, frame) => {
    let sum = 0;
    for (let bin = low; bin < high; bin += 1) sum += every[0][bin * frames + frame] ** 2;
    return sum;
  };
  const all = Array.from({ length: frames }, (_, k) => k);
  const loudness = all.map((k) => 10 * Math.log10(power(0, 513, k) / ((1024 * 1024 * 3) / 16) + 1e-20));
  const level = all.map((k) => 10 * Math.log10(power(64, 256, k) + 1e-12));
  const threshold = Math.min(quantile(level, 0.1) + 3, quantile(level, 0.95) - 15);
  const pauses = all.filter((k) => level[k] <= threshold);
  if (pauses.length >= 10) for (const magnitudes of every) subtract(magnitudes, frames, pauses);
  return { every, frames, loudness };
}

function subtract(magnitudes, frames, pauses) {
  for (let begin = 0; begin < magnitudes.length; begin += frames) {
    const noise = pauses.reduce((sum, k) => sum + magnitudes[begin + k] ** 2, 0) / pauses.length;
    for (let k = begin; k < begin + frames; k += 1) {
      const power = magnitudes[k] ** 2;
      magnitudes[k] *= Math.sqrt(Math.max(1 - (2 * noise) / (power + 1e-20), 0.01));
    }
  }
}

const soft = (x) => (x > 0 ? x + Math.log1p(Math.exp(-x)) : Math.log1p(Math.exp(x)));

/** F0 in Hz, 0 where unvoiced, at 80 Hz, of pitch scores `[frames, 95]` and voicing. */
export function melody(scores, voicing, loudness, wanted) {
  const frames = voicing.length;
  const pitch = new Float64Array(frames * COUNT);
  const cost = new Float64Array(frames * (COUNT + 1));
  for (let t = 0; t < frames; t += 1) {
    const row = scores.subarray(t * PITCHES, (t + 1) * PITCHES);
    const most = Math.max(...row);
    const voiced = loudness[t] < -75 ? -30 : Math.min(Math.max(voicing[t] + 0.5, -30), 30);
    for (let k = 0; k < COUNT; k += 1) {
      pitch[t * COUNT + k] = row[k] - most;
      cost[t * (COUNT + 1) + k] = row[k] - most - soft(-voiced);
    }
    cost[t * (COUNT + 1) + COUNT] = -soft(voiced);
  }
  return onGrid(hertzOf(pitch, bestPath(cost, frames)), wanted);
}

function bestPath(cost, frames) {
  const states = COUNT + 1;
  const change = Array.from({ length: states }, (_, to) => Float64Array.from({ length: states }, (__, from) => {
    if (to === COUNT || from === COUNT) return to === from ? 0 : -1;
    return -Math.min(0.5 * Math.max(Math.abs(to - from) - 1, 0), 10);
  }));
  const from = new Uint8Array(frames * states);
  let best = cost.slice(0, states);
  for (let t = 1; t < frames; t += 1) {
    const next = new Float64Array(states);
    for (let to = 0; to < states; to += 1) {
      let [most, at] = [-Infinity, 0];
      for (let k = 0; k < states; k += 1) {
        const value = best[k] + change[to][k];
        if (value > most) [most, at] = [value, k];
      }
      from[t * states + to] = at;
      next[to] = most + cost[t * states + to];
    }
    best = next;
  }
  const path = new Int32Array(frames);
  path[frames - 1] = best.indexOf(Math.max(...best));
  for (let t = frames - 1; t > 0; t -= 1) path[t - 1] = from[t * states + path[t]];
  return path;
}

function hertzOf(pitch, path) {
  return Float64Array.from(path, (state, t) => {
    if (state === COUNT) return 0;
    const near = [state - 1, state, state + 1].filter((k) => k >= 0 && k < COUNT);
    const most = Math.max(...near.map((k) => pitch[t * COUNT + k]));
    let [sum, total] = [0, 0];
    for (const k of near) {
      const weight = Math.exp(pitch[t * COUNT + k] - most);
      sum += weight * Math.log(HERTZ[k]);
      total += weight;
    }
    return Math.exp(sum / total);
  });
}

function onGrid(hertz, frames) {
  return Float32Array.from({ length: frames }, (_, k) => {
    const place = Math.min((k / 80) * (RATE / HOP), hertz.length - 1);
    const left = Math.floor(place);
    const right = Math.min(left + 1, hertz.length - 1);
    const part = place - left;
    if (hertz[left] > 0 && hertz[right] > 0) return Math.exp((1 - part) * Math.log(hertz[left]) + part * Math.log(hertz[right]));
    return part < 0.5 ? hertz[left] : hertz[right];
  });
}
