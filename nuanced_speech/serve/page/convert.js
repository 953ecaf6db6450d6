// The tab "Convert": a recording in, the same delivery in another voice out, and both side by side.

import { Refusal, bytesOf, events, formOf, refusalIn, request } from './api.js';
import { known } from './catalogue.js';
import { byId, make, showError, working } from './dom.js';
import { voicePicker } from './picker.js';
import { pitchChart } from './pitch.js';
import { recordingField } from './recording.js';
import { Transport, decode } from './sound.js';
import { player } from './waves.js';

export function setUpConvert() {
  const form = byId('convert-form');
  const source = recordingField(byId('source'), () => known.settings.limits.body_bytes);
  const reference = recordingField(byId('reference'), () => known.settings.limits.sample_bytes);
  const picker = voicePicker(byId('convert-picker'), 'Voice of the result');
  const shown = new Result();
  const shift = byId('pitch-shift');
  let running = null;

  form.addEventListener('change', () => {
    const kind = form.elements.kind.value;
    for (const part of form.querySelectorAll('[data-kind]')) part.hidden = part.dataset.kind !== kind;
  });
  shift.addEventListener('input', () => {
    const value = Number(shift.value);
    byId('pitch-shift-value').textContent = value ? `${value > 0 ? '+' : '−'}${Math.abs(value)} semitones` : 'as it is';
  });
  byId('convert-stop').addEventListener('click', () => running?.abort());

  function fields() {
    const kind = form.elements.kind.value;
    return {
      audio: source.file,
      voice: kind === 'stock' ? picker.voice : 'own',
      reference: kind === 'recording' ? reference.file : null,
      keep: [...form.querySelectorAll('[name=keep]:checked')].map((box) => box.value).join(',') || 'none',
      path: byId('path').value,
      pitch_shift: shift.value,
      text: byId('new-words').value.trim(),
    };
  }

  /** Whether all is there; what is missing is said at its place. */
  function complete() {
    clearErrors();
    if (!source.file) source.fail('choose a recording, or make one with the microphone');
    const wanting = form.elements.kind.value === 'recording' && !reference.file;
    if (wanting) reference.fail('choose a recording of the voice');
    return source.file && !wanting;
  }

  function clearErrors() {
    for (const field of [source, reference, picker]) field.fail('');
    showError(byId('convert-error'));
  }

  function place(error) {
    const at = { audio: source, reference, voice: picker }[error.param];
    if (at) at.fail(error.message);
    else showError(byId('convert-error'), error.message);
  }

  form.addEventListener('submit', async (event) => {
    event.preventDefault();
    if (running || !complete()) return;
    running = new AbortController();
    const state = working(byId('convert-progress'), 'Sending …');
    byId('convert-button').disabled = true;
    byId('convert-stop').hidden = false;
    const asked = { name: source.file.name, buffer: source.buffer };
    try {
      const response = await request('/page/convert', { method: 'POST', body: formOf(fields()), signal: running.signal });
      for await (const item of events(response)) await shown.take(item, asked, state);
    } catch (error) {
      if (error.name !== 'AbortError') place(error instanceof Refusal ? error : new Refusal('the answer of the server broke off: try again'));
    } finally {
      state.end();
      running = null;
      byId('convert-button').disabled = false;
      byId('convert-stop').hidden = true;
    }
  });
}

/** The result beside its source. */
class Result {
  constructor() {
    this.transport = new Transport();
    this.parts = [];
  }

  async take(item, asked, state) {
    if (item.type === 'started') state.tell('Reading and measuring …');
    if (item.type === 'progress') state.tell('Converting …', item.share);
    if (item.type === 'result') {
      state.tell('Comparing both …');
      await this.showSound(item, asked);
    }
    if (item.type === 'pitch') this.showPitch(item);
    if (item.type === 'report') showFigures(item.figures);
    if (item.type === 'error') throw refusalIn(item, 400);
  }

  async showSound(item, asked) {
    for (const part of this.parts) part.close();
    const blob = new Blob([bytesOf(item.audio)], { type: item.audio_format });
    const result = { name: 'Result', kind: 'result', buffer: await decode(blob) };
    const source = { name: 'Source', kind: 'source', buffer: asked.buffer };
    byId('result').hidden = false;
    byId('figures').replaceChildren(make('p', { class: 'note' }, 'Both recordings are being compared …'));
    this.transport.heard = asked.buffer ? 1 : 0;
    this.names = asked.buffer ? [source, result] : [result];
    this.parts = [player(byId('compare'), this.transport, this.names)];
    const link = byId('result-download');
    URL.revokeObjectURL(link.href);
    link.href = URL.createObjectURL(blob);
    link.download = `${asked.name.replace(/\.\w+$/, '')}-converted.wav`;
    byId('result').scrollIntoView({ behavior: 'smooth', block: 'nearest' });
  }

  showPitch({ rate, source, result }) {
    const curves = [{ name: 'Source', kind: 'source', hertz: source }, { name: 'Result', kind: 'result', hertz: result }];
    this.parts.push(pitchChart(byId('pitch'), this.transport, rate, curves));
  }
}

const percent = (share) => `${Math.round(100 * share)} %`;
const hundredths = (value) => value.toFixed(2);
const times = (places) => places.map(([begin, end]) => `${begin.toFixed(1)}–${end.toFixed(1)} s`).join(', ');

function showFigures(figures) {
  const words = figures.wer === null ? null : Math.max(0, 1 - figures.wer);
  const rows = [
    ['Words kept', words, percent, 'Words that a recogniser hears in both'],
    ['Melody', figures.f0_correlation, hundredths, 'Correlation of the pitch; 1 is the same melody'],
    ['Loudness', figures.energy_correlation, hundredths, 'Correlation of the loudness; 1 is the same'],
    ['Likeness of the voices', figures.speaker_similarity, hundredths, 'Cosine of speaker embeddings; about 0.85 is one speaker'],
    ['Two people at once', figures.overlaps.length ? figures.overlaps : null, times, 'One voice speaks for both there'],
    ['Time needed', figures.rtf, (value) => `${value.toFixed(2)} ×`, 'Processing time relative to the length'],
  ];
  const list = make('dl', { class: 'figures' });
  for (const [name, value, show, about] of rows) {
    if (value === null) continue;
    list.append(make('div', {}, make('dt', {}, name), make('dd', {}, show(value)), make('dd', { class: 'note' }, about)));
  }
  const texts = make('dl', { class: 'transcripts' },
    make('dt', {}, 'Words in the source'), make('dd', {}, figures.source_transcript || '(none)'),
    make('dt', {}, 'Words in the result'), make('dd', {}, figures.output_transcript || '(none)'));
  byId('figures').replaceChildren(list, texts);
}

