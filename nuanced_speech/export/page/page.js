// The page: a recording, a voice, a button, the result.

import { byId, make, save, showError, working } from './dom.js';
import { recordingField } from './recording.js';
import { wavOf } from './sound.js';

await isolate();

const worker = new Worker(new URL('./worker.js', import.meta.url), { type: 'module' });
const [button, form, voices] = [byId('convert-button'), byId('convert-form'), byId('voice')];
const fail = (message) => showError(byId('convert-error'), message);
const loading = working(byId('loading'), 'The models are loaded …');
let [busy, ready, blob, began] = [null, false, null, performance.now()];

/** Load the page once more behind a service worker that lets it use threads, where there is none yet and one can be. */
async function isolate() {
  if (crossOriginIsolated || !isSecureContext || !navigator.serviceWorker) return;
  try {
    // once for each visit, so that a browser that does not isolate is not asked without end
    if (sessionStorage.getItem('isolated')) return;
    sessionStorage.setItem('isolated', 'asked');
    const worker = await navigator.serviceWorker.register(new URL('./isolation.js', import.meta.url));
    // a browser may hold back the worker without a word
    const late = new Promise((_, reject) => { setTimeout(reject, 5000); });
    if (!worker || !await Promise.race([navigator.serviceWorker.ready, late])) return;
  } catch {
    // without storage or workers there is one thread
    return;
  }
  location.reload();
  await new Promise(() => {});
}

const field = recordingField(byId('source'), () => 2 ** 30, () => {
  if (field.file && !field.buffer) field.fail('this browser cannot read the file: choose another one');
  enable();
});

function enable() { button.disabled = !ready || Boolean(busy) || !field.buffer; }

/** One channel of a buffer, the mean of all. */
function mono(buffer) {
  const channels = Array.from({ length: buffer.numberOfChannels }, (_, k) => buffer.getChannelData(k));
  return channels[0].map((_, k) => channels.reduce((sum, channel) => sum + channel[k], 0) / channels.length);
}

form.addEventListener('submit', (event) => {
  event.preventDefault();
  fail('');
  busy = working(byId('convert-progress'), 'The recording is converted …');
  enable();
  const wave = mono(field.buffer);
  worker.postMessage({ kind: 'convert', wave, voice: voices.value, octaves: Number(byId('pitch-shift').value) / 12 }, [wave.buffer]);
});
byId('pitch-shift').addEventListener('input', ({ target }) => { byId('pitch-shift-value').textContent = `${target.value} semitones`; });
byId('result-download').addEventListener('click', () => save(blob, `${field.file?.name.replace(/\.[^.]*$/, '') ?? 'speech'}-${voices.value}.wav`));

function show({ wave, mark, seconds }) {
  blob = wavOf(wave.map((value) => Math.round(value * 32767)), mark);
  const audio = byId('result-audio');
  URL.revokeObjectURL(audio.src);
  audio.src = URL.createObjectURL(blob);
  const length = wave.length / 24_000;
  byId('result-time').textContent = `${length.toFixed(1)} s of sound were made in ${seconds.toFixed(1)} s, in this browser.`;
  Object.assign(byId('result').dataset, { seconds, length });
  byId('result').hidden = false;
}

worker.addEventListener('message', ({ data }) => {
  if (data.kind === 'loading') loading.tell(`The models are loaded, ${Math.round(data.bytes / 1e6)} MB …`, data.share);
  else if (data.kind === 'working') busy.tell('The recording is converted …', data.share);
  else if (data.kind === 'ready') {
    voices.replaceChildren(...data.voices.map(({ name }) => make('option', { value: name }, name === 'own' ? 'The recording\u2019s own' : name)));
    loading.end();
    ready = true;
    document.body.dataset.ready = ((performance.now() - began) / 1000).toFixed(2);
  } else {
    busy?.end();
    loading.end();
    busy = null;
    if (data.kind === 'failed') fail(data.message);
    else show(data);
  }
  enable();
});
worker.addEventListener('error', (event) => fail(event.message ?? 'the page cannot run here: take a newer browser'));
worker.postMessage({ kind: 'load' });
