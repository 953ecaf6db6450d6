// The whole chain: a waveform → segments → features → a voice → sound. `run` runs a graph by its name.

import { hann, inverse, stft } from './fourier.js';
import { activeLevel, filled, padded, quantile, resampled, smoothed } from './numbers.js';
import { limited } from './limiter.js';
import { melody, pitchSpectra } from './pitch.js';
import { joined, segments } from './segments.js';

const [RATE, LOW_RATE, UNIT, HOP, SIZE] = [24_000, 16_000, 600, 300, 1200];
const [EDGE, BINS, DECIBELS] = [(SIZE - HOP) / 2, SIZE / 2 + 1, 10 / Math.log(10)];
const [CONTENT, BANDS, MOST_FRAMES] = [512, 64, 1200];
const WINDOW = hann(SIZE);
const NORM = Math.sqrt(WINDOW.reduce((sum, value) => sum + value * value, 0));

/**
 * Speak a recording again.
 * @param {Float32Array} wave at 24 kHz.
 * @param {{log_f0: number, timbre: Float32Array, speaker: Float32Array, frames: object, own: boolean}} voice
 * @param {{run: Function, noise: Float32Array, settings: object}} models
 * @param {(share: number) => void} tell is called with the share that is done.
 */
export async function convert(wave, voice, models, octaves = 0, tell = () => {}) {
  const level = activeLevel(wave, RATE);
  if (level < -70) return new Float32Array(wave.length);
  const gain = 10 ** ((models.settings.level_db - level) / 20);
  const parts = segments(wave);
  const features = [];
  for (const { first, last } of parts) {
    const piece = new Float32Array((last - first) * UNIT);
    piece.set(wave.subarray(first * UNIT, last * UNIT));
    features.push(await analysed(piece.map((value) => value * gain), models, voice.own || voice.frames));
    tell((0.5 * features.length) / parts.length);
  }
  const voiced = features.flatMap((item) => [...item.f0].filter((hertz) => hertz > 0).map(Math.log2));
  const move = octaves + (voiced.length && !voice.own ? voice.log_f0 - quantile(voiced, 0.5) : 0);
  const waves = [];
  for (const [k, item] of features.entries()) {
    const frames = voice.own ? nearest(features.map((other) => other.frames), k) : voice.frames;
    const sound = await matched(await decoded(item, { ...voice, frames }, models, move), item.energy, models);
    waves.push(amplified(sound, expander(item.energy)));
    tell(0.5 + (0.5 * waves.length) / parts.length);
  }
  return limited(joined(parts, waves, wave.length).map((value) => value / gain), RATE);
}

async function analysed(wave, models, followed) {
  const low = resampled(wave, RATE, LOW_RATE);
  const frames = (2 * wave.length) / UNIT;
  const { every, frames: steps, loudness } = pitchSpectra(low);
  const [middle, long, short] = every.map((data, k) => ({ data, dims: [[513, 1025, 257][k], steps] }));
  const pitch = activeLevel(low, LOW_RATE) < -70 ? null : await models.run('pitch', { middle, long, short });
  const { mixed, regressed } = await content(low, wave.length / UNIT, models);
  return {
    content: mixed,
    frames: followed && { content: turned(regressed, CONTENT), envelope: await envelope(wave, UNIT, models) },
    envelope: followed && await envelope(wave, HOP, models),
    f0: pitch ? melody(pitch.pitch.data, pitch.voicing.data, loudness, frames) : new Float32Array(frames),
    energy: await energy(wave, models),
  };
}

async function content(wave, units, models) {
  const margin = Math.trunc(models.settings.margin_seconds * LOW_RATE);
  const frames = Math.ceil(wave.length / 320);
  const sound = padded(wave, margin, margin + frames * 320 - wave.length);
  const count = Math.floor(sound.length / 160);
  const power = new Float32Array(201 * count);
  stft(padded(sound, 200, 200, true), hann(400), 160, count, (frame, bin, re, im) => { power[bin * count + frame] = re * re + im * im; });
  const { features } = await models.run('encoder', { power: { data: power, dims: [1, 201, count] } });
  const [width, first] = [features.dims[2], Math.floor(margin / 320)];
  const own = { data: features.data.slice(first * width, (first + frames) * width), dims: [1, frames, width] };
  const made = await models.run('content', { features: own, units: { data: BigInt64Array.of(BigInt(units)), dims: [1] } });
  const regressed = made.content.data;
  const share = models.settings.sharpness;
  if (!share) return { mixed: regressed, regressed };
  const { ids, durations } = phonemes(made.log_probabilities.data, units);
  const text = await models.run('phonemes', { ids: { data: BigInt64Array.from(ids, BigInt), dims: [1, ids.length] } });
  const places = ids.flatMap((_, k) => Array(durations[k]).fill(k));
  const recognised = text.text_features.data;
  const mixed = regressed.map((value, at) => {
    const row = Math.floor(at / units);
    return value + share * (recognised[row * ids.length + places[at - row * units]] - value);
  });
  return { mixed, regressed };
}

/** Columns of `rows` rows as rows. */
function turned(values, rows) {
  const columns = values.length / rows;
  return Float32Array.from(values, (_, at) => values[(at % rows) * columns + Math.floor(at / rows)]);
}

/** Spectral envelopes, one after another, one for each `hop` samples. */
async function envelope(wave, hop, models) {
  const [frames, edge] = [wave.length / hop, (SIZE - hop) / 2];
  const power = new Float32Array(BINS * frames);
  stft(padded(wave, edge, edge), WINDOW, hop, frames, (frame, bin, re, im) => { power[bin * frames + frame] = re * re + im * im; });
  return (await models.run('envelope', { power: { data: power, dims: [1, BINS, frames] } })).envelope.data;
}

/** Frames of segments: of segment `at` first, then of the nearest others, 30 s at most. */
function nearest(parts, at) {
  const all = parts.map((_, k) => k).sort((a, b) => Math.abs(a - at) - Math.abs(b - at));
  const order = [];
  for (let k = 0, frames = 0; k < all.length && frames < MOST_FRAMES; k += 1) {
    order.push(all[k]);
    frames += parts[all[k]].envelope.length / BANDS;
  }
  const joined = (name, width) => {
    const values = new Float32Array(order.reduce((sum, k) => sum + parts[k][name].length, 0));
    let place = 0;
    for (const k of order) { values.set(parts[k][name], place); place += parts[k][name].length; }
    return values.subarray(0, MOST_FRAMES * width);
  };
  return { content: joined('content', CONTENT), envelope: joined('envelope', BANDS) };
}

/** What the decoder is given of frames of recordings; zeros where there are none. */
function frameInputs(whose, frames) {
  const { content, envelope: shape } = frames ?? { content: new Float32Array(CONTENT), envelope: new Float32Array(BANDS) };
  const count = shape.length / BANDS;
  return {
    [`${whose}_content`]: { data: content, dims: [1, count, CONTENT] },
    [`${whose}_envelope`]: { data: shape, dims: [1, count, BANDS] },
    [`${whose}_known`]: { data: Float32Array.of(frames ? 1 : 0), dims: [1] },
  };
}

/** The most probable phoneme string of which every change costs something; a zero on each side. */
function phonemes(likely, frames) {
  const symbols = likely.length / frames;
  const from = new Uint8Array(likely.length);
  let score = Float64Array.from(likely.subarray(0, symbols));
  const top = () => score.reduce((most, value, k) => (value > score[most] ? k : most), 0);
  for (let t = 1; t < frames; t += 1) {
    const best = top();
    const changed = score[best] - 1.5;
    score = score.map((value, k) => {
      from[t * symbols + k] = value >= changed ? k : best;
      return Math.max(value, changed) + likely[t * symbols + k];
    });
  }
  const path = [top()];
  for (let t = frames - 1; t > 0; t -= 1) path.push(from[t * symbols + path.at(-1)]);
  const [ids, durations] = [[], []];
  for (const id of path.reverse()) {
    if (id === ids.at(-1)) durations[durations.length - 1] += 1;
    else { ids.push(id); durations.push(1); }
  }
  if (ids[0] !== 0) { ids.unshift(0); durations.unshift(0); }
  if (ids.at(-1) !== 0) { ids.push(0); durations.push(0); }
  return { ids, durations };
}

async function energy(wave, models) {
  const frames = wave.length / HOP;
  const window = padded(WINDOW, 424, 424);
  const power = new Float32Array(1025 * frames);
  stft(padded(wave, 1024, 1024, wave.length > 1024), window, HOP, frames, (frame, bin, re, im) => { power[bin * frames + frame] = re * re + im * im; });
  return (await models.run('energy', { power: { data: power, dims: [1, 1025, frames] } })).energy.data;
}

async function decoded(item, voice, models, octaves) {
  const f0 = item.f0.map((hertz) => hertz * 2 ** octaves);
  const frames = f0.length;
  const shape = [1, frames, BINS];
  const pulses = spectra(padded(pulseTrain(f0), EDGE, EDGE), frames);
  const noise = spectra(Float32Array.from({ length: frames * HOP + 2 * EDGE }, (_, k) => models.noise[(k - EDGE + models.noise.length) % models.noise.length]), frames);
  const usual = voice.own ? voice.frames : item.frames;
  const made = await models.run('decoder', {
    ...frameInputs('voice', voice.frames),
    ...frameInputs('source', voice.frames ? usual : null),
    source: { data: voice.frames ? item.envelope : new Float32Array(frames * BANDS), dims: [1, frames, BANDS] },
    content: { data: item.content, dims: [1, 512, frames / 2] },
    f0: { data: f0, dims: [1, frames] },
    energy: { data: item.energy.map((value) => value + models.settings.energy_offset), dims: [1, frames] },
    timbre: { data: voice.timbre, dims: [1, voice.timbre.length] },
    speaker: { data: voice.speaker, dims: [1, voice.speaker.length] },
    pulses_real: { data: pulses.real, dims: shape }, pulses_imag: { data: pulses.imag, dims: shape },
    noise_real: { data: noise.real, dims: shape }, noise_imag: { data: noise.imag, dims: shape },
  });
  const out = new Float32Array(frames * HOP + 2 * EDGE);
  inverse(made.real.data, made.imag.data, SIZE, frames, (frame, samples) => {
    for (let k = 0; k < SIZE; k += 1) out[frame * HOP + k] += (samples[k] * WINDOW[k] * NORM) / 1.5;
  });
  return out.subarray(EDGE, EDGE + frames * HOP);
}

function spectra(wave, frames) {
  const [real, imag] = [new Float32Array(frames * BINS), new Float32Array(frames * BINS)];
  stft(wave, WINDOW, HOP, frames, (frame, bin, re, im) => {
    real[frame * BINS + bin] = re / NORM;
    imag[frame * BINS + bin] = im / NORM;
  });
  return { real, imag };
}

/** All harmonics of F0, equally loud; silent where it is 0. */
function pulseTrain(f0) {
  let last = 100;
  const held = f0.map((hertz) => { last = hertz > 0 ? hertz : last; return last; });
  let turns = 0;
  return Float32Array.from({ length: f0.length * HOP }, (_, k) => {
    const place = Math.min(Math.max((k + 0.5) / HOP - 0.5, 0), f0.length - 1);
    const left = Math.floor(place);
    const right = Math.min(left + 1, f0.length - 1);
    const hertz = held[left] + (held[right] - held[left]) * (place - left);
    turns = (turns + hertz / RATE) % 1;
    if (!(f0[Math.floor(k / HOP)] > 0)) return 0;
    const [phase, count] = [turns * 2 * Math.PI, Math.floor(RATE / 2 / hertz)];
    const half = Math.sin(phase / 2);
    const kernel = Math.abs(half) < 1e-4 ? count : Math.sin((count + 0.5) * phase) / (2 * half) - 0.5;
    return kernel * Math.sqrt(2 / count);
  });
}

async function matched(wave, target, models) {
  let [gain, corrected] = [filled(target.length, 0), wave];
  for (let pass = 0; pass < 2; pass += 1) {
    const present = await energy(corrected, models);
    gain = smoothed(gain.map((value, k) => Math.min(Math.max(value + (target[k] - present[k]) * DECIBELS, -24), 12)), 3);
    corrected = amplified(wave, gain);
  }
  return corrected;
}

/** Gain in dB that makes the pauses quieter. */
function expander(values) {
  const [floor, loud] = [quantile(values, 0.05), quantile(values, 0.95)];
  if (loud - floor < 5.5) return filled(values.length, 0);
  return smoothed(Float64Array.from(values, (value) => -7.5 * Math.min(Math.max(1 - (value - floor) / 3, 0), 1)), 7);
}

function amplified(wave, gain) {
  return wave.map((value, k) => {
    const left = Math.floor(k / HOP);
    const right = Math.min(left + 1, gain.length - 1);
    const decibels = gain[left] + (gain[right] - gain[left]) * (k / HOP - left);
    return value * 10 ** (decibels / 20);
  });
}
