// Loads the models once, from the browser's cache where they are there, and converts.

import * as ort from './vendor/ort.wasm.min.mjs';
import { convert } from './chain.js';

const HERE = new URL('./', import.meta.url);
let models = null;

/** The bytes of a file; `told` gets the bytes of each piece that comes in. */
async function bytesOf(file, sum, told) {
  const url = new URL(`${file}?${sum}`, HERE);
  const kept = self.caches ? await caches.open('nuanced-speech') : null;
  let answer = await kept?.match(url);
  if (!answer) {
    answer = await fetch(url);
    if (!answer.ok) throw new Error(`${file} cannot be loaded (${answer.status})`);
    // without room in the cache it is loaded again next time
    await kept?.put(url, answer.clone()).catch(() => {});
  }
  const parts = [];
  for (const reader = answer.body.getReader(); ;) {
    const { done, value } = await reader.read();
    if (done) break;
    parts.push(value);
    told(value.length);
  }
  return new Uint8Array(await new Blob(parts).arrayBuffer());
}

async function load() {
  const table = await (await fetch(new URL('models/models.json', HERE), { cache: 'no-cache' })).json();
  const engine = await (await fetch(new URL('vendor/engine.json', HERE))).json();
  const names = Object.keys(table.graphs);
  const files = [engine, table.noise, table.voices, table.frames, ...Object.values(table.graphs)];
  const total = files.reduce((sum, entry) => sum + entry.bytes, 0);
  let loaded = 0;
  const read = (folder, entry) => bytesOf(`${folder}/${entry.file}`, entry.sha256.slice(0, 16), (count) => {
    loaded += count;
    postMessage({ kind: 'loading', share: loaded / total, bytes: total });
  });
  ort.env.wasm.numThreads = self.crossOriginIsolated ? Math.min(4, navigator.hardwareConcurrency || 1) : 1;
  ort.env.wasm.wasmPaths = new URL('vendor/', HERE).href;
  ort.env.wasm.wasmBinary = (await read('vendor', engine)).buffer;
  const noise = new Float32Array((await read('models', table.noise)).buffer);
  const numbers = new Float32Array((await read('models', table.voices)).buffer);
  const frames = new Float32Array((await read('models', table.frames)).buffer);
  const sessions = {};
  for (const name of names) sessions[name] = await ort.InferenceSession.create(await read('models', table.graphs[name]), { executionProviders: ['wasm'] });
  async function run(name, inputs) {
    const tensors = Object.entries(inputs).map(([key, { data, dims }]) => [key, new ort.Tensor(data instanceof BigInt64Array ? 'int64' : 'float32', data, dims)]);
    return sessions[name].run(Object.fromEntries(tensors));
  }
  const width = table.voices.numbers;
  let place = 0;
  const voices = table.voices.rows.map((row, k) => ({
    ...row,
    timbre: numbers.slice(k * width, k * width + 128),
    speaker: numbers.slice(k * width + 128, (k + 1) * width),
    frames: row.frames ? framesOf(frames.subarray(place, place += row.frames * 576)) : null,
  }));
  const nothing = (count) => new Float32Array(count).fill(NaN);
  voices.push({ name: 'own', mark: table.own_mark, own: true, timbre: nothing(128), speaker: nothing(width - 128) });
  models = { run, noise, voices, settings: table.settings };
  return voices.map(({ name, mark }) => ({ name, mark }));
}

/** Content and envelopes of rows that have both. */
function framesOf(rows) {
  const columns = (first, width) => Float32Array.from({ length: (rows.length / 576) * width }, (_, at) => rows[Math.floor(at / width) * 576 + first + (at % width)]);
  return { content: columns(0, 512), envelope: columns(512, 64) };
}

self.addEventListener('message', async ({ data }) => {
  try {
    if (data.kind === 'load') {
      postMessage({ kind: 'ready', voices: await load() });
      return;
    }
    const voice = models.voices.find((row) => row.name === data.voice);
    const began = performance.now();
    const wave = await convert(data.wave, voice, models, data.octaves, (share) => postMessage({ kind: 'working', share }));
    postMessage({ kind: 'done', wave, mark: voice.mark, seconds: (performance.now() - began) / 1000 }, [wave.buffer]);
  } catch (problem) {
    postMessage({ kind: 'failed', message: problem.message });
  }
});
