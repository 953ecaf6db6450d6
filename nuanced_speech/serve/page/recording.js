// A field for a recording: a file that is dropped or chosen, or one that the microphone makes.

import { clock, icon, make, newId, showError } from './dom.js';
import { decode } from './sound.js';

const KINDS = 'audio/*,video/mp4,video/webm,.wav,.flac,.ogg,.mp3,.m4a,.opus';

/**
 * Fill an element with the field.
 * @param {HTMLElement} host names the recording in `data-recording`.
 * @param {() => number} mostBytes largest size that the server takes.
 * @param {(field) => void} changed is called after each change.
 */
export function recordingField(host, mostBytes, changed = () => {}) {
  const name = host.dataset.recording;
  const [errorId, inputId] = [newId('error'), newId('file')];
  const error = make('p', { class: 'error', id: errorId, role: 'alert' });
  const input = make('input', { type: 'file', id: inputId, accept: KINDS, class: 'hidden', 'aria-describedby': errorId, 'aria-label': `${name}: choose a file` });
  const record = make('button', { type: 'button', 'aria-label': `${name}: record` }, icon('mic'), make('span', {}, 'Record'));
  const choose = make('label', { class: 'button', for: inputId }, icon('file'), 'Choose a file');
  const prompt = make('p', {}, 'Drop a file here, or');
  const empty = make('div', { class: 'drop' }, prompt, make('div', { class: 'row centred' }, input, choose, record));
  const meter = make('span', { class: 'level' });
  const status = make('span', { role: 'status' });
  const stop = make('button', { type: 'button', class: 'recording', 'aria-label': `${name}: stop recording` }, icon('stop'), 'Stop');
  const running = make('div', { class: 'drop active', hidden: true }, status, make('span', { class: 'meter', 'aria-hidden': 'true' }, meter), stop);
  const title = make('strong', {});
  const length = make('span', { class: 'note' });
  const audio = make('audio', { controls: true, preload: 'metadata', 'aria-label': name });
  const remove = make('button', { type: 'button', class: 'quiet', 'aria-label': `${name}: remove` }, icon('close'));
  const full = make('div', { class: 'file', hidden: true }, make('div', { class: 'row' }, title, length, remove), audio);
  host.replaceChildren(empty, running, full, error);

  const field = { file: null, buffer: null, input, fail: (message) => showError(error, message), stop: () => recorder?.stop() };
  let recorder = null;

  function show(part) {
    for (const other of [empty, running, full]) other.hidden = other !== part;
  }

  async function take(file) {
    field.fail('');
    if (file.size > mostBytes()) {
      field.fail(`the file has ${(file.size / 2 ** 20).toFixed(1)} MiB; at most ${Math.floor(mostBytes() / 2 ** 20)} are possible`);
      return;
    }
    URL.revokeObjectURL(audio.src);
    Object.assign(field, { file, buffer: null });
    title.textContent = file.name;
    length.textContent = '';
    audio.src = URL.createObjectURL(file);
    audio.hidden = false;
    show(full);
    try {
      const buffer = await decode(file);
      if (field.file !== file) return;
      field.buffer = buffer;
      length.textContent = clock(buffer.duration);
    } catch {
      // the server may know the format
      length.textContent = 'This browser cannot play it, but the server may read it.';
      audio.hidden = true;
    }
    changed(field);
  }

  function clear() {
    audio.pause();
    Object.assign(field, { file: null, buffer: null });
    input.value = '';
    field.fail('');
    show(empty);
    changed(field);
    choose.focus();
  }

  async function begin() {
    field.fail('');
    if (!navigator.mediaDevices) {
      field.fail('this browser gives its microphone only to https pages and to pages of this machine: choose a file');
      return;
    }
    try {
      recorder = await startRecording(meter, (seconds) => { status.textContent = `Recording … ${clock(seconds)}`; }, done);
    } catch (problem) {
      const refused = problem.name === 'NotAllowedError';
      field.fail(refused ? 'the microphone is not allowed: allow it for this page, or choose a file' : 'no microphone can be used: choose a file');
      return;
    }
    show(running);
    stop.focus();
  }

  function done(file) {
    recorder = null;
    show(empty);
    if (file) take(file);
    else field.fail('the microphone gave no sound: try again, or choose a file');
  }

  record.addEventListener('click', begin);
  stop.addEventListener('click', () => recorder?.stop());
  remove.addEventListener('click', clear);
  input.addEventListener('change', () => input.files[0] && take(input.files[0]));
  dropping(empty, take);
  field.take = take;
  field.clear = clear;
  return field;
}

function dropping(zone, take) {
  const over = (event) => {
    event.preventDefault();
    zone.classList.toggle('over', event.type === 'dragover');
  };
  zone.addEventListener('dragover', over);
  zone.addEventListener('dragleave', over);
  zone.addEventListener('drop', (event) => {
    over(event);
    const [file] = event.dataTransfer.files;
    if (file) take(file);
  });
}

/** Record the microphone; `done` gets a file, or null where nothing came. */
async function startRecording(meter, tell, done) {
  const stream = await navigator.mediaDevices.getUserMedia({
    audio: { channelCount: 1, echoCancellation: false, noiseSuppression: false, autoGainControl: false },
  });
  const recorder = new MediaRecorder(stream, { audioBitsPerSecond: 128_000 });
  const sound = new AudioContext();
  const listener = sound.createAnalyser();
  sound.createMediaStreamSource(stream).connect(listener);
  const samples = new Float32Array(listener.fftSize);
  const began = performance.now();
  const parts = [];
  const timer = setInterval(() => {
    listener.getFloatTimeDomainData(samples);
    const level = Math.sqrt(samples.reduce((sum, value) => sum + value * value, 0) / samples.length);
    meter.style.width = `${Math.min(100, Math.max(0, 100 + (20 * Math.log10(level + 1e-5)) * 1.6))}%`;
    tell((performance.now() - began) / 1000);
  }, 100);
  recorder.addEventListener('dataavailable', (event) => event.data.size && parts.push(event.data));
  recorder.addEventListener('stop', () => {
    clearInterval(timer);
    for (const track of stream.getTracks()) track.stop();
    sound.close();
    const type = recorder.mimeType.split(';')[0];
    const suffix = type.includes('mp4') ? 'm4a' : type.includes('ogg') ? 'ogg' : 'webm';
    done(parts.length ? new File(parts, `microphone.${suffix}`, { type }) : null);
  });
  recorder.start();
  tell(0);
  return recorder;
}
