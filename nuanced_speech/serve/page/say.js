// The tab "Say": a text is spoken while it is made, and its words are lit as they are heard.

import { bytesOf, events, formOf, postJson, request } from './api.js';
import { known } from './catalogue.js';
import { byId, make, save, showError, working } from './dom.js';
import { voicePicker } from './picker.js';
import { recordingField } from './recording.js';
import { RATE, Transport, context, wavOf } from './sound.js';
import { Stream } from './stream.js';
import { player } from './waves.js';

const UNSPACED = ['ja', 'zh'];

export function setUpSay() {
  const form = byId('say-form');
  const delivery = recordingField(byId('delivery'), () => known.settings.limits.sample_bytes);
  const picker = voicePicker(byId('say-picker'), 'Voice of the speech');
  const [text, count, speed] = [byId('text'), byId('text-count'), byId('speed')];
  const most = known.settings.limits.characters;
  const speech = new Speech();
  let running = null;

  function problemOfText() {
    const length = text.value.length;
    if (length > most) return `the text has ${length} characters; at most ${most} are possible`;
    return text.value.trim() ? '' : 'write a text to speak';
  }

  byId('say-language').append(...known.settings.languages.map((item) => make('option', { value: item.code }, item.name)));
  text.addEventListener('input', () => {
    const left = most - text.value.length;
    count.textContent = left < most / 5 ? `${left} characters are left.` : '';
    showError(byId('text-error'), left < 0 ? problemOfText() : '');
  });
  speed.addEventListener('input', () => { byId('speed-value').textContent = `${Number(speed.value).toFixed(2).replace(/0$/, '')} ×`; });
  byId('say-stop').addEventListener('click', () => {
    running?.abort();
    speech.stop();
    byId('say-stop').hidden = true;
  });
  for (const button of byId('say-downloads').querySelectorAll('[data-captions]')) {
    button.addEventListener('click', () => speech.saveCaptions(button.dataset.captions).catch((problem) => showError(byId('say-error'), problem.message)));
  }

  function place(problem) {
    const name = problem.param;
    if (name === 'delivery') delivery.fail(problem.message);
    else if (name === 'voice') picker.fail(problem.message);
    else showError(byId(name === 'input' ? 'text-error' : 'say-error'), problem.message);
  }

  form.addEventListener('submit', async (event) => {
    event.preventDefault();
    if (running) return;
    for (const field of [delivery, picker]) field.fail('');
    showError(byId('say-error'));
    showError(byId('text-error'), problemOfText());
    if (problemOfText()) return;
    running = new AbortController();
    const state = working(byId('say-progress'), 'Making the first sentence …');
    byId('say-button').disabled = true;
    byId('say-stop').hidden = false;
    const language = byId('say-language').value;
    const voice = known.voices.find((item) => item.id === picker.voice);
    speech.begin(language || voice.language || 'en', `${known.settings.synthetic}; voice: ${voice.name} (${voice.kind})`);
    try {
      const body = formOf({
        model: 'kokoro', input: text.value, voice: picker.voice, response_format: 'pcm', stream_format: 'sse',
        return_timestamps: true, speed: speed.value, instructions: byId('manner').value.trim(), lang_code: language,
        delivery: delivery.file,
      });
      const response = await request('/v1/audio/speech', { method: 'POST', body, signal: running.signal });
      const levels = response.headers.get('X-Instructions-Understood');
      byId('manner-note').textContent = levels && (levels === 'none' ? 'None of these words is understood.' : `Understood: ${levels}.`);
      for await (const item of events(response)) {
        speech.take(item);
        state.tell('Making the rest …');
      }
      speech.finish(() => { byId('say-stop').hidden = true; });
    } catch (problem) {
      if (problem.name !== 'AbortError') place(problem);
      byId('say-stop').hidden = true;
      speech.finish(() => {});
    } finally {
      state.end();
      running = null;
      byId('say-button').disabled = false;
    }
  });
}

/** The speech that was made last, its words and their times. */
class Speech {
  constructor() {
    this.transport = new Transport();
    this.transport.addEventListener('timeupdate', () => this.light(this.transport.currentTime));
  }

  /** A new speech in a language; `mark` is the comment of its file. */
  begin(language, mark) {
    this.stop();
    this.player?.close();
    this.player = null;
    Object.assign(this, { stream: new Stream(), sentences: [], spans: [], lit: null, mark });
    this.spaces = !UNSPACED.includes(language.slice(0, 2));
    byId('words').replaceChildren();
    byId('say-downloads').hidden = true;
    this.follow();
  }

  take(item) {
    if (item.type === 'speech.audio.delta') {
      const bytes = bytesOf(item.audio);
      this.stream.add(new Int16Array(bytes.buffer, 0, bytes.length >> 1));
      byId('spoken').hidden = false;
    }
    if (item.type !== 'speech.audio.timestamps') return;
    this.sentences.push(item.timestamps);
    for (const word of item.timestamps) {
      const span = make('span', { onclick: () => { if (this.player) this.transport.currentTime = word.start_time; } }, word.word);
      this.spans.push({ ...word, span });
      byId('words').append(span, this.spaces ? ' ' : '');
    }
  }

  /** Light words while the stream plays. */
  follow() {
    const { stream } = this;
    const next = () => {
      if (this.stream !== stream || this.player) return;
      this.light(stream.now);
      requestAnimationFrame(next);
    };
    next();
  }

  light(seconds) {
    const word = this.spans.filter((item) => item.start_time <= seconds).pop();
    const now = word && seconds < word.end_time + 0.15 ? word : null;
    if (now === this.lit) return;
    this.lit?.span.classList.remove('now');
    now?.span.classList.add('now');
    this.lit = now;
  }

  stop() {
    this.stream?.stop();
    this.transport.pause();
  }

  /** Offer the whole speech, and its player once the stream has been heard. */
  finish(over) {
    const { stream } = this;
    if (!stream.pieces.length) return;
    const samples = stream.samples;
    const link = byId('say-download');
    URL.revokeObjectURL(link.href);
    link.href = URL.createObjectURL(wavOf(samples, this.mark));
    byId('say-downloads').hidden = false;
    const show = () => {
      if (this.stream !== stream) return;
      if (!stream.over) {
        setTimeout(show, 100);
        return;
      }
      const buffer = context().createBuffer(1, samples.length, RATE);
      buffer.copyToChannel(Float32Array.from(samples, (value) => value / 32768), 0);
      this.player = player(byId('say-player'), this.transport, [{ name: 'Speech', kind: 'result', buffer }]);
      over();
    };
    show();
  }

  async saveCaptions(format) {
    const response = await postJson('/page/captions', { format, sentences: this.sentences, spaces: this.spaces });
    save(await response.blob(), `speech.${format}`);
  }
}
