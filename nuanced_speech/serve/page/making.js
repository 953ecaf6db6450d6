// The tabs that make voices: clone, describe, mix.

import { formOf, postJson, request } from './api.js';
import { aboutVoice, known, languageName, loadVoices, onVoices, sampleButton } from './catalogue.js';
import { byId, icon, make, newId, showError, working } from './dom.js';
import { recordingField } from './recording.js';

/** Run something for a form: its button rests, its progress shows, and its errors go to `place` or to its end. */
async function run(form, text, work, place = () => false) {
  const [button, error] = [form.querySelector('.act .primary'), form.querySelector('.act .error')];
  const state = working(form.querySelector('.act .working'), text);
  showError(error);
  button.disabled = true;
  try {
    await work(state);
  } catch (problem) {
    if (!place(problem)) showError(error, problem.message);
  } finally {
    state.end();
    button.disabled = false;
  }
}

export function setUpClone() {
  const form = byId('clone-form');
  const most = () => known.settings.limits.sample_bytes;
  const [consent, sample] = [recordingField(byId('consent'), most), recordingField(byId('sample'), most)];
  const [name, nameError, done] = [byId('clone-name'), byId('clone-name-error'), form.querySelector('.done')];

  form.addEventListener('submit', (event) => {
    event.preventDefault();
    const given = name.value.trim();
    done.textContent = '';
    showError(nameError, given ? '' : 'give the voice a name');
    consent.fail(consent.file ? '' : 'record the consent, or choose a file with it');
    sample.fail(sample.file ? '' : 'record the sample, or choose a file with it');
    if (!given || !consent.file || !sample.file) return;
    const post = async (path, fields) => (await request(path, { method: 'POST', body: formOf(fields) })).json();
    run(form, 'Listening to the consent …', async (state) => {
      const agreed = await post('/v1/audio/voice_consents', { name: given, language: 'en', recording: consent.file });
      state.tell('Comparing the recordings, and searching for the voice: this takes a minute or more …');
      await post('/v1/audio/voices', { name: given, consent: agreed.id, audio_sample: sample.file });
      await loadVoices();
      done.textContent = `The voice ${given} is kept. It is the first in the lists.`;
    }, (problem) => {
      const field = { recording: consent, audio_sample: sample }[problem.param];
      field?.fail(problem.message);
      if (problem.param === 'name') showError(nameError, problem.message);
      return field || problem.param === 'name';
    });
  });
}

/** A field for a name and a button that keeps a voice. */
function keepRow(body) {
  const [id, errorId] = [newId('name'), newId('error')];
  const input = make('input', { id, maxlength: 100, autocomplete: 'off', 'aria-describedby': errorId });
  const button = make('button', { type: 'button' }, 'Keep');
  const error = make('p', { class: 'error', id: errorId, role: 'alert' });
  const done = make('p', { class: 'done', role: 'status' });
  async function keep() {
    const name = input.value.trim();
    done.textContent = '';
    showError(error, name ? '' : 'give the voice a name');
    if (!name) return;
    button.disabled = true;
    try {
      await postJson('/page/voices', { name, ...body() });
      await loadVoices();
      done.textContent = `The voice ${name} is kept. It is the first in the lists.`;
    } catch (problem) {
      showError(error, problem.message);
    }
    button.disabled = false;
  }
  button.addEventListener('click', keep);
  input.addEventListener('keydown', (event) => {
    if (event.key !== 'Enter') return;
    event.preventDefault();
    keep();
  });
  return make('div', { class: 'field keep' }, make('label', { for: id }, 'Name of the voice'), make('div', { class: 'row' }, input, button), error, done);
}

/** A value of an attribute with its unit: pitch and pace are shown in Hz and sounds per second, not in log2. */
function shown(attribute, value) {
  if (attribute.unit.startsWith('log2 ')) return `${Number((2 ** value).toPrecision(3))} ${attribute.unit.slice(5)}`;
  return `${value.toFixed(1)} ${attribute.unit}`;
}

export function setUpDescribe() {
  const form = byId('describe-form');
  const [sex, accent, host] = [byId('describe-sex'), byId('describe-accent'), byId('sliders')];
  const most = known.settings.largest_level;
  const sliders = known.settings.attributes.filter((attribute) => attribute.name !== 'sex').map(slider);
  accent.replaceChildren(make('option', { value: '' }, 'any English'), ...known.settings.languages.map((item) => make('option', { value: item.accent }, item.name)));
  host.replaceChildren(...sliders.map((item) => item.row));
  sex.addEventListener('change', () => sliders.forEach((item) => item.show()));

  function slider(attribute) {
    const [id, label] = [newId('slider'), attribute.name[0].toUpperCase() + attribute.name.slice(1)];
    const used = make('input', { type: 'checkbox', 'aria-label': `${label} is asked for` });
    const input = make('input', { type: 'range', id, min: -most, max: most, step: 0.1, value: 0 });
    const output = make('output', { for: id });
    const item = { attribute, used, input, show };
    function show() {
      const group = sex.value || 'all';
      const value = attribute.mean[group] + Number(input.value) * attribute.spread[group];
      output.textContent = used.checked ? shown(attribute, value) : 'any';
      input.setAttribute('aria-valuetext', output.textContent);
      item.row.classList.toggle('unused', !used.checked);
    }
    input.addEventListener('input', () => { used.checked = true; show(); });
    used.addEventListener('change', show);
    item.row = make('div', { class: 'slider' }, used, make('label', { for: id }, label), make('span', { class: 'end' }, attribute.low), input, make('span', {}, attribute.high), output);
    show();
    return item;
  }

  byId('use-words').addEventListener('click', async () => {
    const [place, description] = [byId('description-error'), byId('description').value.trim()];
    showError(place, description ? '' : 'write some words about the voice');
    if (!description) return;
    try {
      const found = await (await postJson('/page/words', { description })).json();
      sex.value = found.levels.sex > 0 ? 'f' : found.levels.sex < 0 ? 'm' : '';
      accent.value = found.accent ?? '';
      for (const item of sliders) {
        item.used.checked = item.attribute.name in found.levels;
        item.input.value = found.levels[item.attribute.name] ?? 0;
        item.show();
      }
      const words = found.unknown.map(({ word, suggestion }) => (suggestion ? `${word} (${suggestion}?)` : word));
      if (words.length) showError(place, `not understood: ${words.join(', ')}`.replace('not', 'Not'));
    } catch (problem) {
      showError(place, problem.message);
    }
  });

  form.addEventListener('submit', (event) => {
    event.preventDefault();
    const levels = Object.fromEntries(sliders.filter((item) => item.used.checked).map((item) => [item.attribute.name, Number(item.input.value)]));
    // one typical distance: the plain word
    if (sex.value) levels.sex = sex.value === 'f' ? 1.2 : -1.2;
    run(form, 'Making, speaking and measuring …', async () => {
      const made = await (await postJson('/page/describe', { levels, accent: accent.value || null })).json();
      showDescribed(made, form.querySelector('.act .error'));
    });
  });
}

function showDescribed(made, error) {
  const rows = made.attributes.map((row) => make('tr', { class: row.requested ? 'asked' : '' },
    make('th', { scope: 'row' }, row.name), make('td', {}, row.requested ?? '–'), make('td', {}, row.measured ?? '–')));
  const head = make('tr', {}, ...['Attribute', 'Requested', 'Measured'].map((text) => make('th', { scope: 'col' }, text)));
  const table = make('table', {}, make('caption', {}, `Made from the stock voice ${made.start}`), make('thead', {}, head), make('tbody', {}, ...rows));
  const hear = make('div', { class: 'row' }, sampleButton(() => made.draft, 'the new voice', (message) => showError(error, message)), 'Hear the new voice');
  const place = byId('described');
  place.hidden = false;
  place.replaceChildren(make('div', { class: 'columns' }, make('div', {}, hear, keepRow(() => ({ draft: made.draft }))), make('div', { class: 'scrolled', tabindex: 0, role: 'region', 'aria-label': 'Attributes of the new voice' }, table)));
}

export function setUpMix() {
  const host = byId('mix-rows');
  const rows = [];
  const error = make('p', { class: 'error', role: 'alert' });
  const expression = () => {
    const total = rows.reduce((sum, row) => sum + Number(row.weight.value), 0) || 1;
    const shares = new Map();
    for (const row of rows) shares.set(row.voice.value, (shares.get(row.voice.value) ?? 0) + Number(row.weight.value) / total);
    return [...shares].filter(([, share]) => share > 0).map(([voice, share]) => `${voice}:${share.toFixed(3)}`).join(',');
  };

  function fill(select, value) {
    select.replaceChildren(...known.voices.map((voice) => make('option', { value: voice.id }, `${voice.name} (${aboutVoice(voice).split(' · ').slice(0, 2).join(', ') || languageName(voice.language)})`)));
    select.value = known.voices.some((voice) => voice.id === value) ? value : 'af_heart';
  }

  function tell() {
    const total = rows.reduce((sum, row) => sum + Number(row.weight.value), 0) || 1;
    for (const row of rows) row.output.textContent = `${Math.round((100 * Number(row.weight.value)) / total)} %`;
    byId('mix-more').hidden = rows.length >= 4;
    for (const row of rows) row.remove.hidden = rows.length <= 2;
  }

  function add(value, share) {
    const number = rows.length + 1;
    const voice = make('select', { 'aria-label': `Voice ${number}` });
    const weight = make('input', { type: 'range', min: 0, max: 100, step: 1, value: share, 'aria-label': `Share of voice ${number}`, oninput: tell });
    const output = make('output', {});
    const remove = make('button', { type: 'button', class: 'quiet', 'aria-label': `Remove voice ${number}` }, icon('close'));
    const row = { voice, weight, output, remove };
    row.element = make('div', { class: 'mix-row' }, voice, sampleButton(() => voice.value, `voice ${number}`, (message) => showError(error, message)), weight, output, remove);
    remove.addEventListener('click', () => {
      rows.splice(rows.indexOf(row), 1);
      row.element.remove();
      tell();
    });
    fill(voice, value);
    rows.push(row);
    host.append(row.element);
    tell();
  }

  add('af_heart', 60);
  add('bm_george', 40);
  byId('mix-more').addEventListener('click', () => add('af_bella', 30));
  onVoices(() => rows.forEach((row) => fill(row.voice, row.voice.value)));
  const hear = make('div', { class: 'row' }, sampleButton(expression, 'the mix', (message) => showError(error, message)), 'Hear the mix');
  byId('mixed').replaceChildren(hear, keepRow(() => ({ mix: expression() })), error);
  byId('mix-form').addEventListener('submit', (event) => event.preventDefault());
}
