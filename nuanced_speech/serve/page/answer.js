// The tab "Answer": a spoken question is heard, answered, and the answer is spoken in its tone.

import { bytesOf, events, formOf, refusalIn, request } from './api.js';
import { known } from './catalogue.js';
import { byId, icon, make, save, showError, working } from './dom.js';
import { voicePicker } from './picker.js';
import { recordingField } from './recording.js';
import { wavOf } from './sound.js';
import { Stream } from './stream.js';

const NAME = 'conversation.json';

export function setUpAnswer() {
  const [form, role, turns] = [byId('answer-form'), byId('role'), byId('turns')];
  const question = recordingField(byId('question'), () => known.settings.limits.body_bytes);
  const picker = voicePicker(byId('answer-picker'), 'Voice of the answer');
  const kind = () => form.querySelector('[name=answer-kind]:checked').value;
  let [conversation, running, speaking] = [null, null, null];
  role.value = known.settings.role;

  for (const input of form.querySelectorAll('[name=answer-kind]')) {
    input.addEventListener('change', () => {
      for (const part of form.querySelectorAll('[data-kind]')) part.hidden = part.dataset.kind !== kind();
    });
  }
  byId('answer-stop').addEventListener('click', () => {
    running?.abort();
    speaking?.stop();
    byId('answer-stop').hidden = true;
  });
  byId('talk-save').addEventListener('click', () => save(new Blob([JSON.stringify(conversation, null, 2)], { type: 'application/json' }), NAME));
  byId('talk-new').addEventListener('click', () => {
    byId('answer-stop').click();
    conversation = null;
    turns.replaceChildren();
    byId('talk').hidden = true;
    byId('answer-button').focus();
  });

  function place(problem) {
    if (problem.param === 'audio' || problem.param === 'question') question.fail(problem.message);
    else if (problem.param === 'voice') picker.fail(problem.message);
    else showError(byId('answer-error'), problem.message);
  }

  async function ask(signal, state) {
    const body = formOf({
      audio: question.file, voice: kind() === 'own' ? 'own' : picker.voice, system: role.value.trim(),
      conversation: conversation && JSON.stringify(conversation),
    });
    const response = await request('/v1/reply', { method: 'POST', body, signal });
    let turn = null;
    for await (const item of events(response)) {
      if (item.type === 'error') throw refusalIn(item);
      if (item.type === 'reply.heard') {
        turn = new Turn(turns, item, URL.createObjectURL(question.file));
        speaking = turn;
        byId('talk').hidden = false;
        state.tell('Finding an answer …');
      }
      if (item.type === 'reply.text.delta') turn.write(item.delta);
      if (item.type === 'reply.audio.delta') {
        turn.speak(item);
        state.tell('Speaking …');
      }
      if (item.type === 'reply.done') {
        conversation = item.conversation;
        turn.finish(() => { byId('answer-stop').hidden = true; });
        question.clear();
      }
    }
  }

  form.addEventListener('submit', async (event) => {
    event.preventDefault();
    if (running) return;
    for (const field of [question, picker]) field.fail('');
    showError(byId('answer-error'));
    if (!question.file) {
      question.fail('record a question, or choose a file with one');
      return;
    }
    speaking?.stop();
    running = new AbortController();
    const state = working(byId('answer-progress'), 'Listening …');
    byId('answer-button').disabled = true;
    byId('answer-stop').hidden = false;
    try {
      await ask(running.signal, state);
    } catch (problem) {
      if (problem.name !== 'AbortError') place(problem);
      byId('answer-stop').hidden = true;
      speaking?.breakOff();
    } finally {
      state.end();
      running = null;
      byId('answer-button').disabled = false;
    }
  });
}

/** A question and its answer, whose words are lit while they are heard. */
class Turn {
  constructor(list, heard, url) {
    Object.assign(this, { stream: new Stream(), written: '', at: 0, spans: [], lit: null, done: false });
    const tone = heard.delivery ? heard.delivery.split(', ') : [];
    const chips = tone.map((word) => make('li', {}, word));
    this.spoken = make('span', { class: 'lit' });
    this.pending = make('span', { class: 'pending' }, '…');
    this.play = make('button', { type: 'button', class: 'round small', hidden: true, 'aria-label': 'Hear the answer again' }, icon('play'));
    this.download = make('a', { class: 'button quiet', hidden: true, download: 'answer.wav', 'aria-label': 'Download the answer' }, icon('save'));
    this.question = make('div', { class: 'bubble asked' }, make('p', { class: 'by' }, 'You'), make('p', {}, heard.text),
      tone.length ? make('ul', { class: 'chips', 'aria-label': 'How it was said' }, ...chips) : null,
      make('audio', { controls: true, src: url, preload: 'metadata', 'aria-label': 'Your question' }));
    this.answer = make('div', { class: 'bubble' }, make('p', { class: 'by' }, 'Answer'),
      make('p', { 'aria-live': 'polite' }, this.spoken, this.pending), make('div', { class: 'row' }, this.play, this.download));
    list.append(make('li', {}, this.question, this.answer));
    this.answer.scrollIntoView({ block: 'nearest' });
    this.play.addEventListener('click', () => this.again());
    this.follow();
  }

  write(text) {
    this.written += text;
    this.show();
  }

  /** Written words that are not spoken yet. */
  show() {
    // words that were cut off at the end are never spoken
    this.pending.textContent = this.done ? '' : this.written.slice(this.at).trimStart() || '…';
  }

  speak({ audio, timestamps }) {
    const bytes = bytesOf(audio);
    this.stream.add(new Int16Array(bytes.buffer, 0, bytes.length >> 1));
    for (const word of timestamps) {
      const found = this.written.indexOf(word.word, this.at);
      if (found >= 0) this.at = found + word.word.length;
      const span = make('span', {}, word.word);
      this.spans.push({ ...word, span });
      this.spoken.append(span, ' ');
    }
    this.show();
  }

  follow() {
    const next = () => {
      const now = this.stream.now;
      const word = this.spans.filter((item) => item.start_time <= now).pop();
      const lit = word && !this.stream.over && now < word.end_time + 0.15 ? word : null;
      if (lit !== this.lit) {
        this.lit?.span.classList.remove('now');
        lit?.span.classList.add('now');
        this.lit = lit;
      }
      if (!this.done || !this.stream.over) requestAnimationFrame(next);
      else this.over?.();
    };
    next();
  }

  finish(over) {
    this.done = true;
    this.over = over;
    this.show();
    this.download.href = URL.createObjectURL(wavOf(this.stream.samples, `${known.settings.synthetic}; an answer`));
    for (const control of [this.play, this.download]) control.hidden = false;
  }

  breakOff() {
    this.done = true;
    this.show();
  }

  again() {
    const samples = this.stream.samples;
    this.stop();
    this.stream = new Stream();
    this.stream.add(samples);
    this.follow();
  }

  stop() {
    this.stream.stop();
    this.breakOff();
  }
}
